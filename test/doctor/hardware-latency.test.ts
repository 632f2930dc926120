import { expect } from 'chai';
import type { Deployment } from '../../lib/contexts/context.js';
import { hardwareLatencyFinding, measureHardwareLatency } from '../../lib/doctor/hardware-latency.js';
import { GuestRun, needGuests, printed } from '../contexts/kvm-guest/guests.js';
import { rejection } from '../support/rejection.js';

describe('Latency of the hardware', () => {
  it('is worse the more SMIs or gaps there are', () => {
    expect(hardwareLatencyFinding({ source: 'msr', seconds: 30, count: 0 })).to.include({
      severity: 'info',
      what: '0 SMIs in 30 s (counted by the processor)',
    });
    expect(hardwareLatencyFinding({ source: 'hwlat', seconds: 30, count: 2, longest: 87 })).to.include({
      severity: 'major',
      what: '2 gaps of 10 us and more, the longest 87 us in 30 s (seen by the hwlat tracer, which spins half of the time)',
    });
  });
});

describe('Latency of the hardware, in a guest whose kernel has the tracer', function () {
  this.timeout(20 * 60_000);
  let run: GuestRun;
  let guest: Deployment;
  before(async function () {
    await needGuests(this);
    run = await GuestRun.open('hwlat');
    guest = await run.deploy('guest', { image: 'debian-12-rt' });
  });
  after(async () => {
    await (run as GuestRun | undefined)?.[Symbol.asyncDispose]();
  });

  const settings = (): Promise<string> =>
    printed(guest, 'sh', '-c', 'cd /sys/kernel/tracing && cat current_tracer tracing_thresh tracing_on');

  it('is seen by the tracer, which is put back; one that is in use is left alone', async () => {
    const before = await settings();
    expect(before).to.match(/^nop\n/);
    const seen = await measureHardwareLatency(guest.sut, 4);
    expect(seen).to.include({ source: 'hwlat', seconds: 4 });
    // Under emulation a CPU is stopped by its host all the time.
    if (guest.traits.emulated === true) {
      expect(seen.count).to.be.above(0);
      expect(seen.longest).to.be.at.least(10);
    }
    expect(await settings()).to.equal(before);
    await printed(guest, 'sh', '-c', 'echo osnoise >/sys/kernel/tracing/current_tracer');
    const error = await rejection(measureHardwareLatency(guest.sut, 1));
    expect(String(error)).to.contain('the tracer is in use there (osnoise)');
    expect(await settings()).to.match(/^osnoise\n/);
  });
});
