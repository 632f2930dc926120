import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { readFacts, type HostFacts } from '../../lib/host/facts.js';
import type { Host } from '../../lib/host/host.js';
import { localHost } from '../../lib/host/local.js';
import { meetNeeds } from '../../lib/run/needs.js';
import type { Need } from '../../lib/run/scenario.js';

describe('What a scenario needs', () => {
  const local = localHost('local');
  const directory = mkdtempSync(join(tmpdir(), 'kvm4nfv-needs-'));
  let facts: HostFacts;
  before(async () => {
    facts = await readFacts(local);
    chmodSync(directory, 0o755);
  });
  after(async () => {
    await local[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true });
  });

  /** This machine, with every command that is not for root begun by these words. */
  const through = (...words: readonly string[]): Host => {
    const exec: Host['exec'] = (argv, options) =>
      local.exec(options?.root === true ? argv : [...words, ...argv], options);
    return Object.assign(Object.create(local) as Host, { exec });
  };
  const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
  const verdict = (host: Host, needs: readonly Need[], as = facts): Promise<string> =>
    meetNeeds(host, as, needs, {
      provision: false,
      installed: () => Promise.resolve(),
      signal: new AbortController().signal,
    }).then(() => 'met', String);
  const tool = (name: string): Need => ({ kind: 'tool', name, package: 'rt-tests', options: ['--json'] });

  it('is lacking only where it was looked for and not found', async () => {
    const needs: Need[] = [
      { kind: 'file', path: join(directory, 'none'), why: 'it is traced by it' },
      tool('no-such-tool'),
    ];
    const said = await verdict(local, needs);
    expect(said).to.contain('local has no ').and.to.contain('lacks the tool no-such-tool (Debian package rt-tests)');
  });

  it('is not told where the machine could not be asked', async () => {
    const said = await verdict(through('sh', '-c', 'echo "This account is not available." >&2; exit 1'), [tool('sh')]);
    expect(said).to.contain('local could not be asked what it has: This account is not available.');
  });

  it('of tools that do not start is told in the words of the loader', async () => {
    const name = `kvm4nfv-broken-${String(process.pid)}`;
    const words = `${name}: error while loading shared libraries: libnuma.so.1: cannot open shared object file`;
    writeFileSync(join(directory, name), `#!/bin/sh\necho '${words}' >&2\nexit 127\n`);
    chmodSync(join(directory, name), 0o755);
    const host = through('env', `PATH=${directory}:${process.env['PATH'] ?? ''}`);
    expect(await verdict(host, [tool(name)])).to.contain(`has a ${name} that does not start: ${words}`);
  });

  it('of files that the user may not see is looked for as root, where the user becomes root', async function () {
    if (process.getuid?.() !== 0) return this.skip();
    mkdirSync(join(directory, 'closed'), { mode: 0o700 });
    writeFileSync(join(directory, 'closed/there'), '');
    const file = (name: string): Need => ({ kind: 'file', path: join(directory, 'closed', name), why: 'it is needed' });
    const plain: HostFacts = { ...facts, user: { uid: 65534, root: false } };
    expect(await verdict(through(...nobody), [file('there')], plain)).to.contain(
      'closed/there (Permission denied): it is needed',
    );
    const sudoer: HostFacts = { ...facts, user: { uid: 65534, root: false, sudo: true } };
    expect(await verdict(through(...nobody), [file('there')], sudoer)).to.equal('met');
    expect(await verdict(through(...nobody), [file('none')], sudoer)).to.contain('has no ');
  });
});
