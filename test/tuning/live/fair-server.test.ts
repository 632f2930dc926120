import { expect } from 'chai';
import type { Deployment } from '../../../lib/contexts/context.js';
import { applyTuning } from '../../../lib/tuning/engine.js';
import { isEffective } from '../../../lib/tuning/judge.js';
import { GuestRun, needGuests, printed } from '../../contexts/kvm-guest/guests.js';
import { tuningOf } from '../machine.js';

const runtime = '/sys/kernel/debug/sched/fair_server/cpu1/runtime';

/** Nanoseconds that an ordinary task got in 3 s on CPU 1, while a FIFO task span there; both are ended by what started them. */
const besideFifo = `
taskset -c 1 sh -c 'while :; do :; done' & ordinary=$!
taskset -c 1 chrt -f 10 sh -c 'while :; do :; done' & fifo=$!
trap 'kill $ordinary $fifo' EXIT
sleep 1
read -r before rest </proc/$ordinary/schedstat
sleep 3
read -r after rest </proc/$ordinary/schedstat
echo $((after - before))
`;

describe('The fair server of Linux 6.12', function () {
  this.timeout(20 * 60_000);
  let run: GuestRun;
  let guest: Deployment;
  before(async function () {
    await needGuests(this);
    run = await GuestRun.open('fair');
    guest = await run.deploy('guest', { image: { kernel: 'cloud-6.12', tools: [] }, vcpus: 2, memory: '512MiB' });
  });
  after(async () => {
    await (run as GuestRun | undefined)?.[Symbol.asyncDispose]();
  });
  const taken = async (): Promise<number> => Number(await printed(guest, 'sh', '-c', besideFifo));

  it('takes the CPU from a FIFO task, with rt-throttling off or not, and nothing of it with the knob', async () => {
    const { sut } = guest;
    const [first, second] = ['rt-throttling', 'fair-server'];
    const before = await printed(guest, 'cat', runtime);
    expect(Number(before)).to.be.above(0);
    const tuning = (...knobs: readonly string[]): ReturnType<typeof tuningOf> =>
      tuningOf({
        profile: 'none',
        with: { isolated_cpus: '1' },
        knobs: Object.fromEntries(knobs.map((knob) => [knob, 'off'])),
      });
    for (const [knobs, gets] of [
      [[first], true],
      [[first, second], false],
    ] as const) {
      const applied = await applyTuning(sut, run.run, await tuning(...knobs));
      try {
        expect(applied.results.filter((result) => !isEffective(result))).to.deep.equal([]);
        expect((await taken()) > 0, `${knobs.join(', ')}: the ordinary task runs`).to.equal(gets);
        expect((await applied.verify()).filter((result) => !isEffective(result))).to.deep.equal([]);
      } finally {
        expect(await applied.restore()).to.include({ complete: true });
      }
    }
    expect(await printed(guest, 'cat', runtime)).to.equal(before);
  });
});
