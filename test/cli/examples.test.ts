import { expect } from 'chai';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { builtins } from '../../lib/builtins.js';
import { loadSuite } from '../../lib/suite/load.js';
import { built, cli, root } from './cli.js';

const directory = join(root, 'examples');
const modeline = /^# yaml-language-server: \$schema=(\S+)\n/;

describe('the examples', function () {
  this.timeout(120_000);
  before(built);

  it('name the schema for editors in their first line, and are valid', async () => {
    const names = (await readdir(directory)).filter((name) => name.endsWith('.yaml'));
    expect(names.length).to.be.greaterThan(5);
    for (const name of names) {
      const path = join(directory, name);
      const schema = modeline.exec(await readFile(path, 'utf8'))?.[1] ?? '';
      expect(relative(root, resolve(dirname(path), schema)), name).to.equal('schema/suite.schema.json');
      const { code, stdout, stderr } = await cli(['validate', path]);
      expect(code, stderr).to.equal(0);
      expect(stdout).to.match(/: \d+ tests?, no mistakes\n$/);
    }
  });

  // Its plug-in must be compiled first: the test of the packed package does, and runs it.
  it('name the schema of the installed package in the harness', async () => {
    const text = await readFile(join(directory, 'harness/suite.yaml'), 'utf8');
    expect(modeline.exec(text)?.[1]).to.equal('node_modules/kvm4nfv/schema/suite.schema.json');
  });

  it("have KVM4NFV's matrix: host or guest idle, or one of them under CPU, memory or disk stress", async () => {
    const suite = await loadSuite(join(directory, 'kvm4nfv-guest-matrix.yaml'), { registry: builtins(), env: {} });
    expect([...suite.tests()].map(({ name }) => name)).to.deep.equal([
      'none_none',
      'none_cpu',
      'none_vm',
      'none_hdd',
      'cpu_none',
      'vm_none',
      'hdd_none',
    ]);
  });
});
