import { readdirSync } from 'node:fs';
import { createNodeResolver, importX } from 'eslint-plugin-import-x';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

/** The rooms of the house, ground floor first. A room imports from its own floor and from those below, never upwards. */
const floors = [
  [
    'lib/attempts.ts',
    'lib/error-codes',
    'lib/error.ts',
    'lib/printable.ts',
    'lib/schema-problems.ts',
    'lib/teardown.ts',
    'lib/version.ts',
    'lib/measure',
    'lib/host',
  ],
  ['lib/sla', 'lib/libvirt', 'lib/image', 'lib/tuning', 'lib/trace'],
  ['lib/doctor'],
  ['lib/contexts', 'lib/lab', 'lib/run'],
  ['lib/suite', 'lib/report'],
  ['lib/plugin.ts', 'lib/testing.ts'],
  ['scenarios', 'runners'],
  ['lib/builtins.ts'],
  ['lib/index.ts'],
  ['lib/cli'],
  ['test', 'scripts', 'examples'],
];

for (const name of readdirSync(new URL('lib/', import.meta.url)))
  if (!floors.flat().includes(`lib/${name}`)) throw new Error(`lib/${name} has no floor yet: see eslint.config.js`);

const path = (room) => `./${room}`;

const downwards = floors.slice(0, -1).map((rooms, floor) => ({
  target: rooms.map(path),
  from: floors
    .slice(floor + 1)
    .flat()
    .map(path),
  message: 'Imports run downwards only: see `floors` in eslint.config.js.',
}));

/** The built-in ones see of the library what a third party's plug-in sees. */
const likeThirdParties = {
  target: ['./scenarios', './runners'],
  from: './lib',
  except: ['./plugin.ts'],
  message: 'Scenarios and runners import lib/plugin.ts only.',
};

const childProcess = ['node:child_process', 'child_process'].map((name) => ({
  name,
  message: 'Commands run through a Host; only lib/host, lib/libvirt and lib/image start processes.',
}));

const printing = ['stdout', 'stderr', 'exit'].map((property) => ({
  object: 'process',
  property,
  message: 'Only lib/cli prints and exits.',
}));

export default defineConfig(
  globalIgnores(['dist/', 'docs/api/', 'coverage/', 'results/', 'node_modules/', 'test/fixtures/']),
  { linterOptions: { reportUnusedDisableDirectives: 'error', noInlineConfig: true } },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    plugins: { 'import-x': importX },
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    settings: {
      'import-x/extensions': ['.ts', '.js'],
      'import-x/parsers': { '@typescript-eslint/parser': ['.ts'] },
      'import-x/resolver-next': [
        createNodeResolver({ extensions: ['.ts', '.js'], extensionAlias: { '.js': ['.ts', '.js'] } }),
      ],
    },
    rules: {
      // Counts each `?.` and `??` too: 20 of these are what 15 branches used to be.
      complexity: ['error', 20],
      'max-lines': ['error', 300],
      eqeqeq: 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      'import-x/no-cycle': ['error', { ignoreExternal: true }],
      'import-x/no-default-export': 'error',
      'import-x/no-restricted-paths': [
        'error',
        { basePath: import.meta.dirname, zones: [...downwards, likeThirdParties] },
      ],
    },
  },
  {
    // Its own tsconfig.json is that of a user, who has installed the package.
    files: ['examples/harness/*.ts'],
    languageOptions: { parserOptions: { projectService: false, project: './tsconfig.json' } },
  },
  {
    files: ['lib/**', 'scenarios/**', 'runners/**'],
    ignores: ['lib/cli/**'],
    rules: { 'no-console': 'error', 'no-restricted-properties': ['error', ...printing] },
  },
  {
    files: ['lib/**', 'scenarios/**', 'runners/**'],
    ignores: ['lib/host/**', 'lib/libvirt/**', 'lib/image/**'],
    rules: { 'no-restricted-imports': ['error', { paths: childProcess }] },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      // chai asserts by properties: expect(x).to.be.empty
      '@typescript-eslint/no-unused-expressions': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
  {
    // Mocha takes a reporter by its default export, kvm4nfv a plug-in.
    files: ['test/support/reporter.ts', 'examples/**', 'test/fixtures/**'],
    rules: { 'import-x/no-default-export': 'off' },
  },
);
