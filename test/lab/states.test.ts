import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { localHost } from '../../lib/host/local.js';
import { findScript, sealScript } from '../../lib/lab/instance-scripts.js';

describe('The saved states of virtual hosts', () => {
  const host = localHost();
  let lab: string;
  beforeEach(async () => {
    lab = await mkdtemp(join(tmpdir(), 'kvm4nfv-lab-'));
    for (const directory of ['states', 'machines/run/dut', 'machines/run/saved'])
      await mkdir(join(lab, directory), { recursive: true });
  });
  afterEach(async () => {
    await rm(lab, { recursive: true });
  });

  const seal = async (digest: string): Promise<void> => {
    const machine = join(lab, 'machines/run/saved');
    for (const file of ['memory', 'disk.qcow2']) await writeFile(join(machine, file), digest);
    await host.exec(['sh', '-c', sealScript, 'seal', join(lab, 'states'), digest, machine], { stdin: '{}\n' });
  };
  const unusedFor = async (digest: string, days: number): Promise<void> => {
    const then = new Date(Date.now() - days * 86_400_000);
    await utimes(join(lab, 'states', digest, 'state.json'), then, then);
  };

  it('go when nobody has started from them for a month, unless a machine still has one', async () => {
    for (const digest of ['aa', 'bb', 'cc', 'dd']) await seal(digest);
    for (const digest of ['aa', 'bb', 'cc']) await unusedFor(digest, 40);
    await host.exec(['sh', '-c', findScript, 'find', join(lab, 'states/bb')]);
    await writeFile(join(lab, 'machines/run/dut/machine.json'), JSON.stringify({ state: 'cc' }));
    await unusedFor('dd', 20);
    await seal('ee');
    expect((await readdir(join(lab, 'states'))).sort()).to.deep.equal(['bb', 'cc', 'dd', 'ee']);
  });
});
