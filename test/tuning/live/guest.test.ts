import { expect } from 'chai';
import type { Deployment } from '../../../lib/contexts/context.js';
import { applyTuning, verifyTuning } from '../../../lib/tuning/engine.js';
import { isEffective } from '../../../lib/tuning/judge.js';
import { GuestRun, needGuests, printed } from '../../contexts/kvm-guest/guests.js';
import { tuningOf } from '../machine.js';
import { differences, snapshotOf } from './snapshot.js';

describe('Tuning a guest that has a real-time kernel', function () {
  this.timeout(20 * 60_000);
  let run: GuestRun;
  let guest: Deployment;
  before(async function () {
    await needGuests(this);
    run = await GuestRun.open('tuned');
    guest = await run.deploy('guest', { image: 'debian-12-rt', vcpus: 2, memory: '768MiB' });
  });
  after(async () => {
    await (run as GuestRun | undefined)?.[Symbol.asyncDispose]();
  });

  it('sets all of realtime-guest, the kernel command line by a reboot, and puts back all of it by another', async () => {
    const { sut, commandLine } = guest;
    expect(commandLine, 'its kernel is started from outside').to.not.equal(undefined);
    const before = await snapshotOf(sut);
    const cmdline = await printed(guest, 'cat', '/proc/cmdline');
    const bootId = await printed(guest, 'cat', '/proc/sys/kernel/random/boot_id');
    const tuning = await tuningOf({ profile: 'realtime-guest', with: { isolated_cpus: '1' } });
    const applied = await applyTuning(sut, run.run, tuning, {
      reboot: true,
      ...(commandLine === undefined ? {} : { commandLine }),
    });
    try {
      expect(applied.results.filter((result) => !isEffective(result))).to.deep.equal([]);
      const verified = await verifyTuning(sut, tuning, { run: run.run });
      expect(verified.filter((result) => !isEffective(result))).to.deep.equal([]);
      expect(verified.filter(({ state }) => state === 'ok').length).to.be.above(15);
      expect(await printed(guest, 'cat', '/proc/sys/kernel/random/boot_id')).to.not.equal(bootId);
      // As the kernel shows it, and as a new task and the kernel's own threads have it.
      expect(await printed(guest, 'cat', '/sys/devices/system/cpu/isolated')).to.equal('1');
      expect(await printed(guest, 'sh', '-c', 'taskset -cp $$')).to.match(/: 0$/);
      expect(await printed(guest, 'sh', '-c', 'chrt -p $(pgrep -x rcuc/1)')).to.match(/SCHED_FIFO[^]*: [1-9]\d*$/);
    } finally {
      expect(await applied.restore()).to.include({ complete: true, needsReboot: false });
    }
    expect(await printed(guest, 'cat', '/proc/cmdline')).to.equal(cmdline);
    expect(differences(before, await snapshotOf(sut))).to.deep.equal([]);
  });
});
