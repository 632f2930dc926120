import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect } from 'chai';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { builtins } from '../../lib/builtins.js';
import { suiteJsonSchema } from '../../lib/suite/json-schema.js';
import { loadSuite } from '../../lib/suite/load.js';
import { SuiteError } from '../../lib/suite/suite-error.js';
import { expectGolden } from '../support/golden.js';
import { load, mistakes, mistakesIn, withFiles } from './files.js';

const directory = join(import.meta.dirname, '..', 'fixtures', 'suite-wild');
const env = { SSHPORT: '2222', VMNAME: '007', WHO: '5', DUR: '5s' };
const params: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'y39-param-number-without-default.yaml': { port: '2222', prio: '80' },
};

/** What a suite gives: its tests in short, or its mistakes. */
const outcomeOf = async (name: string): Promise<{ readonly right: boolean; readonly text: string }> => {
  try {
    const suite = await loadSuite(join(directory, name), {
      registry: builtins(),
      env,
      ...(params[name] === undefined ? {} : { params: params[name] }),
    });
    const told = [...suite.tests()].map(({ name: test, input, sla }) =>
      JSON.stringify({ test, options: input, slas: sla.map(({ expression }) => expression) }),
    );
    return { right: true, text: `${told.join('\n')}\n` };
  } catch (error) {
    if (error instanceof SuiteError)
      return { right: false, text: `${error.message.replaceAll(`${directory}/`, '')}\n` };
    throw error;
  }
};

const metal = 'suite: x\ncontexts: { metal: { type: bare-metal } }\n';

describe('YAML as people write it', () => {
  it('gives tests, or mistakes that say what to do (fixtures/suite-wild)', async () => {
    const names = (await readdir(directory)).filter((name) => name.endsWith('.yaml'));
    expect(names.length).to.be.greaterThan(35);
    const accepts = new Ajv2020({ strict: false, validateFormats: false }).compile(await suiteJsonSchema(builtins()));
    for (const name of names) {
      const { right, text } = await outcomeOf(name);
      await expectGolden(text, `suite-wild/${name.replace('.yaml', '.txt')}`);
      // An editor, which knows merge keys, takes what we take.
      if (!right) continue;
      const written: unknown = parse(await readFile(join(directory, name), 'utf8'), { merge: true });
      expect(accepts(written), `${name}: ${JSON.stringify(accepts.errors)}`).to.equal(true);
    }
  });

  for (const [written, whole] of [
    ['cpus: 2-5,8', '2-5,8'],
    ['cpus: 0,2,4-6', '0,2,4-6'],
    ['cpus: 1, 3', '1,3'],
    ['cpus: 1,2-', '1,2-'],
  ] as const)
    it(`tells how to quote { ${written} }`, async () => {
      const said = await mistakesIn(
        `${metal}tests: [ { name: t, scenario: timer, context: metal, options: { ${written}, tool: oslat } } ]\n`,
      );
      expect(said).to.contain('[E_QUOTES]').and.to.contain(`write cpus: '${whole}'`).and.not.contain('E_UNKNOWN_KEY');
    });

  for (const written of [
    'duration: {{ duration }}',
    'duration: "{{ duration }}"',
    'duration: <%= duration %>',
    'duration: ${{ matrix.duration }}',
    'duration: "{% if a %}5s{% endif %}"',
  ])
    it(`calls a template a template: ${written}`, async () => {
      const said = await mistakesIn(
        `${metal}tests:\n  - name: t\n    scenario: timer\n    context: metal\n    options:\n      ${written}\n`,
      );
      expect(said)
        .to.match(/^suite\.yaml:8:\d+: error: '.*' begins a placeholder of a template/)
        .and.contain('[E_TEMPLATE]');
    });

  it('leaves braces alone where any text will do', async () => {
    const suite = await load(`${metal}tests: [ { name: "a {{b}}", scenario: timer, context: metal } ]\n`);
    expect([...suite.tests()].map(({ name }) => name)).to.deep.equal(['a {{b}}']);
  });

  it('merges mappings: own keys first, of several the first; a mistake is shown where it was written', async () => {
    const text = `${metal}.a: &a { interval: 1ms, duration: 5s }\nx-b: &b { interval: 2ms, priority: 7 }\ntests:\n  - name: t\n    scenario: timer\n    context: metal\n    options:\n      <<: [*a, *b]\n      duration: 9s\n`;
    const suite = await load(text);
    expect([...suite.tests()].map(({ input }) => input)).to.deep.equal([
      { duration: '9s', interval: '1ms', priority: 7 },
    ]);
    expect(await mistakesIn(text.replace('2ms', '2ms, intervall: 1'))).to.match(/^suite\.yaml:4:\d+: .*'intervall'/);
    expect(await mistakesIn(text.replace('[*a, *b]', '{ a: 1 }'))).to.contain('aliases of mappings only');
  });

  it('shows nothing of an included file that is no suite', async () => {
    const secrets = {
      shadow: 'root:$y$j9T$SECRET:19700:0:99999:7:::\n',
      key: '-----BEGIN OPENSSH PRIVATE KEY-----\nSECRET\n-----END OPENSSH PRIVATE KEY-----\n',
      'values.yaml': 'password: SECRET\nuser: admin\n',
      list: '- SECRET\n- two\n',
      'broken.yaml': 'token: "SECRET\nuser: [\n',
      binary: 'SECRET\0\u0001',
      '.netrc': 'machine a login b password SECRET\n',
      'some.yaml': 'hosts: SECRET\npassword: SECRET\nuser: SECRET\n',
    };
    for (const [name, text] of Object.entries(secrets))
      await withFiles({ [name]: text, 'suite.yaml': `include: [./${name}]\n${metal}` }, async (place) => {
        const said = await mistakes(place);
        expect(said, name).to.match(/^suite\.yaml:1:11: .*\[E_(?:INCLUDE|NOT_TEXT)\]/);
        expect(said, name).to.not.contain('SECRET');
      });
  });

  it('takes what a param or the environment gives as the kind that its place wants', async () => {
    const suite = await load(
      `suite: x
params: { port: "\${env:SSHPORT}", vm: 7, who: "\${env:WHO}" }
hosts: { n1: { address: 192.0.2.1, port: "\${port}", user: "\${who}" }, n2: { address: 192.0.2.2, user: "\${vm}" } }
contexts: { metal: { type: bare-metal, host: n1 } }
tests: [ { name: "t-\${vm}", scenario: timer, context: metal, options: { priority: "\${who}", secret: "\${who}" } } ]
`,
      { env },
    );
    expect(suite.hosts.get('n1')).to.include({ port: 2222, user: '5' });
    expect(suite.hosts.get('n2')).to.include({ user: '7' });
    expect([...suite.tests()].map(({ options }) => options)).to.deep.include.members([
      { priority: 5, secret: '5', tool: 'cyclictest' },
    ]);
  });
});
