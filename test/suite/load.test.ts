import { expect } from 'chai';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Kvm4nfvError } from '../../lib/error.js';
import { loadSuite } from '../../lib/suite/load.js';
import { load, mistakes, mistakesIn, withFiles } from './files.js';
import { registry } from './registry.js';

const contexts = 'contexts: { metal: { type: bare-metal } }\n';
const onlyTest = 'tests: [ { name: t, scenario: timer, context: metal } ]\n';
const failure = async (loading: Promise<unknown>): Promise<unknown> => {
  try {
    await loading;
  } catch (error) {
    return error;
  }
  throw new Error('loading did not fail');
};

describe('loading a suite', () => {
  it('gives hosts, contexts and tests with everything resolved', async () => {
    const loaded = await load(
      'suite: whole\nparallel: 4\nhosts: { node1: { address: 192.0.2.1 } }\n' +
        'contexts: { guest: { type: kvm-guest, host: node1, provision: true, vcpus: 2, memory: 1GiB } }\n' +
        'defaults: { context: guest, tags: [daily], runner: { type: iteration, count: 3 } }\n' +
        'tests:\n  - name: t\n    scenario: timer\n    options: { interval: 1ms }\n    load: { stressor: cpu, host: node1 }\n' +
        '    sla: [ "max <= 5us", { expression: "p99 <= 2us", severity: warn } ]\n',
    );
    expect(loaded.name).to.equal('whole');
    expect(loaded.parallel).to.equal(4);
    expect([...loaded.hosts.keys()]).to.deep.equal(['local', 'node1']);
    expect(loaded.hosts.get('node1')).to.deep.equal({ address: '192.0.2.1' });
    const guest = loaded.contexts.get('guest');
    expect(guest?.on).to.equal('node1');
    expect(guest?.provision).to.equal(true);
    expect(guest?.options).to.deep.equal({ vcpus: 2, memory: 2 ** 30 });
    const [test] = [...loaded.tests()];
    expect(test?.context).to.equal('guest');
    expect(test?.tags).to.deep.equal(['daily']);
    expect(test?.input).to.deep.equal({ interval: '1ms' });
    expect(test?.options).to.deep.equal({ tool: 'cyclictest', interval: 1e6, priority: 99 });
    expect(test?.load).to.deep.equal([{ stressor: 'cpu', host: 'node1' }]);
    expect(test?.runner.options).to.deep.equal({ count: 3 });
    expect(test?.sla.map(({ expression, severity }) => [expression, severity])).to.deep.equal([
      ['max <= 5us', 'fail'],
      ['p99 <= 2us', 'warn'],
    ]);
  });

  it('runs one iteration where no runner is named, and lets a test override defaults as a whole', async () => {
    const loaded = await load(
      `suite: x\n${contexts}defaults: { context: metal, tags: [a, b] }\n` +
        'tests: [ { name: t, scenario: timer, tags: [c] }, { name: u, scenario: timer } ]\n',
    );
    expect([...loaded.tests()].map(({ tags, runner }) => [tags, runner.definition.type, runner.options])).to.deep.equal(
      [
        [['c'], 'iteration', { count: 1 }],
        [['a', 'b'], 'iteration', { count: 1 }],
      ],
    );
  });

  it('does not change the registry that it is given', async () => {
    const given = registry();
    const plugin =
      "export default { kind: 'context', apiVersion: 1, type: 'mine', summary: '', preview: () => [], deploy() {}, options: { safeParse: (data) => ({ success: true, data }), _zod: { def: { type: 'unknown' } } } };\n";
    await withFiles(
      {
        'mine.mjs': plugin,
        'suite.yaml': `suite: x\nplugins: [./mine.mjs]\ncontexts: { metal: { type: mine, a: 1 } }\n${onlyTest}`,
      },
      async (directory) => {
        const loaded = await loadSuite(join(directory, 'suite.yaml'), { registry: given, env: {} });
        expect(loaded.registry.get('context', 'mine')?.type).to.equal('mine');
        expect(loaded.contexts.get('metal')?.options).to.deep.equal({ a: 1 });
      },
    );
    expect(given.get('context', 'mine')).to.equal(undefined);
  });

  it('finds packages from the directory of the suite, as Node does', async () => {
    const source = (type: string) =>
      `export default [{ kind: 'context', apiVersion: 1, type: '${type}', summary: '', preview: () => [], deploy() {}, options: { safeParse: (data) => ({ success: true, data }) } }];\n`;
    const packages: Readonly<Record<string, object>> = {
      'esm-only': { exports: { '.': { import: './lib/index.js' } } },
      '@scope/plain': { main: 'lib/index.js' },
      'esm-only/sub': { exports: { './sub': { types: './sub.d.ts', import: './lib/index.js' } } },
      '@scope/pattern/kinds/any': { exports: { './kinds/*': { node: { import: './lib/index.js' } } } },
      'first-of-a-list/x': { exports: { './x': [{ browser: './no.js' }, './lib/index.js'] } },
      // Node's import wants extensions; `require`, which found this till now, adds them.
      'older/lib/index': { main: 'lib/index.js' },
    };
    for (const [name, json] of Object.entries(packages))
      await withFiles(
        { 'suite.yaml': `suite: x\nplugins: ['${name}']\ncontexts: { metal: { type: mine } }\n${onlyTest}` },
        async (directory) => {
          const own = name.split('/').slice(0, name.startsWith('@') ? 2 : 1);
          const home = join(directory, 'node_modules', ...own);
          await mkdir(join(home, 'lib'), { recursive: true });
          await writeFile(join(home, 'package.json'), JSON.stringify({ name: own.join('/'), type: 'module', ...json }));
          await writeFile(join(home, 'lib', 'index.js'), source('mine'));
          const loaded = await loadSuite(join(directory, 'suite.yaml'), { registry: registry(), env: {} });
          expect(loaded.contexts.get('metal')?.definition.type, name).to.equal('mine');
        },
      );
  });

  it('refuses parts of Node, addresses, and what a package does not export', async () => {
    for (const name of ['fs', 'node:fs', 'data:text/javascript,1', 'https://192.0.2.1/x.mjs', 'closed/hidden', 'none'])
      await withFiles({ 'suite.yaml': `suite: x\nplugins: ['${name}']\n${onlyTest}` }, async (directory) => {
        const home = join(directory, 'node_modules', 'closed');
        await mkdir(home, { recursive: true });
        await writeFile(join(home, 'package.json'), JSON.stringify({ name: 'closed', exports: { '.': './a.js' } }));
        const said = await mistakes(directory);
        expect(said, name).to.match(
          /is no plug-in|can't be loaded: .*(?:part of Node|not defined by "exports"|Cannot find)/,
        );
      });
  });

  it('takes what included files say; the including file overrides their params and defaults', async () => {
    await withFiles(
      {
        'suite.yaml': 'suite: x\ninclude: [a.yaml, b.yaml]\nparams: { interval: 2ms }\ndefaults: { tags: [mine] }\n',
        'a.yaml': `include: [common.yaml]\ntests: [ { name: a, scenario: timer, context: metal, options: { interval: "\${interval}" } } ]\n`,
        'b.yaml': 'include: [common.yaml]\ntests: [ { name: b, scenario: timer, context: metal } ]\n',
        'common.yaml': `${contexts}params: { interval: 1ms }\ndefaults: { tags: [theirs] }\n`,
      },
      async (directory) => {
        const loaded = await loadSuite(join(directory, 'suite.yaml'), { registry: registry(), env: {} });
        expect([...loaded.tests()].map(({ name, tags, input }) => [name, tags, input])).to.deep.equal([
          ['a', ['mine'], { interval: '2ms' }],
          ['b', ['mine'], {}],
        ]);
      },
    );
  });

  it('says what is missing in a file only where all files and plug-ins could be read', async () => {
    await withFiles(
      {
        'suite.yaml': 'suite: x\ninclude: [a.yaml]\ntests: [ { name: t, scenario: timer, context: metal } ]\n',
        'a.yaml': ']',
      },
      async (directory) => {
        expect(await mistakes(directory)).to.not.include('unknown context');
      },
    );
  });

  it('tells suites apart by the text of all their files', async () => {
    const hash = async (included: string) =>
      withFiles({ 'suite.yaml': `suite: x\ninclude: [a.yaml]\n${onlyTest}`, 'a.yaml': included }, async (directory) =>
        loadSuite(join(directory, 'suite.yaml'), { registry: registry(), env: {} }).then(({ sha256 }) => sha256),
      );
    expect(await hash(contexts)).to.match(/^[0-9a-f]{64}$/);
    expect(await hash(contexts)).to.equal(await hash(contexts));
    expect(await hash(contexts)).to.not.equal(await hash(`${contexts}# more\n`));
  });

  it('can be interrupted', async () => {
    const error = await failure(load(`suite: x\n${contexts}${onlyTest}`, { signal: AbortSignal.abort() }));
    expect(Kvm4nfvError.is(error) && error.fault).to.equal('interrupted');
  });

  it('turns what a plug-in throws into a mistake with its place', async () => {
    const plugin = (body: string) =>
      `export default { kind: 'scenario', apiVersion: 1, type: 'odd', summary: '', needs: () => [], preview: () => ({ commands: [] }), measure() {}, metrics: () => [], options: { safeParse: (data) => ({ success: true, data }) }, ${body} };\n`;
    const suite = `suite: x\nplugins: [./odd.mjs]\n${contexts}tests: [ { name: t, scenario: odd, context: metal, sla: ["max <= 1us"] } ]\n`;
    const said = (body: string) =>
      withFiles({ 'odd.mjs': plugin(body), 'suite.yaml': suite }, (directory) => mistakes(directory));
    expect(await said("metrics() { throw new Error('oops'); }")).to.include(
      "suite.yaml:4:57: error: scenario 'odd' can't say what it measures: oops",
    );
    expect(await said("options: { safeParse() { throw new Error('oops'); } }")).to.include('its schema failed: oops');
  });

  it('does not look at the same mistake of defaults twice', async () => {
    const said = await mistakesIn(
      `suite: x\n${contexts}defaults: { context: metal, runner: { type: iteration, count: 0 } }\n` +
        'tests: [ { name: t, scenario: timer }, { name: u, scenario: timer, matrix: { a: [1, 2] } } ]\n',
    );
    expect(said.match(/error: /g)).to.have.length(1);
  });
});
