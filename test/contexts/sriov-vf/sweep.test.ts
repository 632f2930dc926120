import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { carryOut, contextUnit, openUnit, unitsOf } from '../../../lib/contexts/sriov-vf/store.js';
import { sweepDevices } from '../../../lib/contexts/sriov-vf/sweep.js';
import { Kvm4nfvError } from '../../../lib/error.js';
import { localHost } from '../../../lib/host/local.js';
import { rejection } from '../../support/rejection.js';

describe('sweeping what a dead controller left of devices', () => {
  before(function () {
    // It journals below /var/lib.
    if (process.getuid?.() !== 0) this.skip();
  });

  it('puts back all but the one that is in use, and that one once it is free', async () => {
    const host = localHost();
    const run = `sweep-${randomUUID().slice(0, 8)}`;
    const directory = await mkdtemp(path.join(tmpdir(), 'kvm4nfv-sweep-'));
    const fileOf = (name: string): string => path.join(directory, name);
    const bootId = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
    const undo = '[ ! -e "$1.user" ] || { cat "$1.user"; exit 1; }; printf before >"$1"';
    try {
      for (const name of ['first', 'second']) {
        const file = fileOf(name);
        await writeFile(file, 'before');
        await openUnit(host, run, contextUnit(name));
        const argv = ['sh', '-c', 'printf ours >"$1"', 'sh', file];
        await carryOut(host, { run, unit: contextUnit(name), bootId }, [
          {
            label: name,
            change: {
              kind: 'action',
              place: { kind: 'file', path: file },
              aspect: 'text',
              before: 'before',
              after: 'ours',
              argv,
              undo: ['sh', '-c', undo, 'sh', file],
            },
            action: { kind: 'run', argv },
          },
        ]);
      }
      await writeFile(`${fileOf('first')}.user`, 'in use by process 4711');
      const swept = (): Promise<readonly string[]> => sweepDevices(host, run, AbortSignal.timeout(60_000));
      const error = await rejection(swept());
      if (!Kvm4nfvError.is(error)) throw error;
      expect([error.fault, error.hint]).to.deep.equal(['teardown', `kvm4nfv cleanup --run ${run}`]);
      expect(error.message).to.include('first (in use by process 4711)').and.not.include('second');
      expect(await readFile(fileOf('second'), 'utf8')).to.equal('before');
      expect(await unitsOf(host, run)).to.deep.equal([contextUnit('first')]);
      await rm(`${fileOf('first')}.user`);
      expect(await swept()).to.deep.equal(['restored: first']);
      expect(await readFile(fileOf('first'), 'utf8')).to.equal('before');
      expect(await unitsOf(host, run)).to.deep.equal([]);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
