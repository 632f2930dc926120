import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import type { HostSpec } from '../../../lib/host/spec.js';
import { applyTuning } from '../../../lib/tuning/engine.js';
import { dropLease, leaseOf } from '../../../lib/tuning/lease.js';
import { restoreRun, runsToRestore } from '../../../lib/tuning/restore.js';
import { begin } from '../../support/begin.js';
import { tuningOf } from '../machine.js';
import type { LabMachine } from './lab-machine.js';
import { differences, snapshotOf } from './snapshot.js';

const wanted = process.env['KVM4NFV_KILLS'];
const rounds = Number(wanted ?? '4');

/** Every way of changing something: kernel files, threads, a mount and its directory, a partition, a file on disk, a service, a network device. */
const everything = {
  profile: 'realtime-host',
  with: { isolated_cpus: '2-3' },
  knobs: {
    hugepages: [{ size: '2MiB' as const, count: 40, node: 1 }],
    hugetlbfs: [{ size: '2MiB' as const, path: '/mnt/kvm4nfv-huge' }],
    'cpuset-partition': 'isolated',
    'locked-memory': 'unlimited',
    'network-rings': { ens102: { rx: 512, tx: 512 } },
    'network-offloads': { ens102: { gro: 'off' } },
    services: ['systemd-machined.service'],
  },
};

interface Controller {
  readonly child: ChildProcess;
  readonly ready: Promise<unknown>;
  readonly ended: Promise<unknown[]>;
}

const newController = (spec: HostSpec): Controller => {
  const script = fileURLToPath(new URL('./controller.ts', import.meta.url));
  const argv = ['--import', 'tsx', script, 'test-killed', JSON.stringify(spec), JSON.stringify(everything)];
  const child = begin(process.execPath, argv, { stdio: ['pipe', 'pipe', 'inherit'] });
  return { child, ready: once(child.stdout, 'data'), ended: once(child, 'exit') };
};

export const killsOfTheController = (lab: () => LabMachine): void => {
  it(`is as before after the controller was killed at ${String(rounds)} random moments and the run was cleaned up`, async function () {
    this.timeout((rounds + 2) * 120_000);
    const { host, spec } = lab();
    const before = await snapshotOf(host);
    const began = Date.now();
    const applied = await applyTuning(host, 'test-warm', await tuningOf(everything));
    expect((await applied.restore()).complete).to.equal(true);
    const cycle = Date.now() - began;
    expect(differences(before, await snapshotOf(host))).to.deep.equal([]);
    let next = newController(spec);
    try {
      for (let round = 0; round < rounds; round++) {
        const { child, ready, ended } = next;
        await ready;
        child.stdin?.write('go\n');
        const moment = Math.random() * cycle;
        await sleep(moment);
        child.kill('SIGKILL');
        expect(await ended).to.deep.equal([null, 'SIGKILL']);
        next = newController(spec);
        const report = await restoreRun(host, 'test-killed');
        await dropLease(host, 'test-killed');
        const restored = report.places.filter(({ fate }) => fate === 'restored').length;
        const where = `round ${String(round)}, killed ${moment.toFixed(0)} of ${String(cycle)} ms after its start: ${JSON.stringify(report)}`;
        expect(report.complete, where).to.equal(true);
        expect(differences(before, await snapshotOf(host)), where).to.deep.equal([]);
        expect(await runsToRestore(host), where).to.deep.equal([]);
        expect((await leaseOf(host)).kind, where).to.equal('free');
        if (wanted !== undefined)
          console.log(
            `      kill ${String(round + 1)} at ${moment.toFixed(0)} of ${String(cycle)} ms: ${String(report.places.length)} places in the journal, ${String(restored)} restored`,
          );
      }
    } finally {
      next.child.kill('SIGKILL');
      await next.ended;
    }
  });
};
