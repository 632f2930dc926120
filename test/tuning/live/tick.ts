import { expect } from 'chai';
import { virtualHostCommandLine } from '../../../lib/lab/restart.js';
import { applyTuning } from '../../../lib/tuning/engine.js';
import { tuningOf } from '../machine.js';
import type { LabMachine } from './lab-machine.js';

/** Local timer interrupts of CPU 3 while one task keeps it busy for ten seconds. */
const busy = `
ticks() { awk '$1 == "LOC:" { print $5 }' /proc/interrupts; }
before=$(ticks); taskset -c 3 timeout 10 sh -c 'while :; do :; done' || :; echo "$(($(ticks) - before))"`;

/** What only a boot can set, on a machine that is booted from outside. */
export const ticksOfBusyCpus = (lab: () => LabMachine): void => {
  it('stops the tick of an isolated CPU from a reboot on, and lets it tick again after the next', async function () {
    this.timeout(40 * 60_000);
    const { host, machine, definition } = lab();
    const text = (script: string): Promise<string> => lab().text(script);
    const cmdline = await text('cat /proc/cmdline');
    const ticks = async (): Promise<number> => Number(await text(busy));
    const before = await ticks();
    const applied = await applyTuning(
      host,
      'test-tick',
      await tuningOf({
        profile: 'none',
        with: { isolated_cpus: '2-3' },
        // The tick stops only where the kernel trusts its clock, which an emulated TSC has to be said of.
        knobs: {
          isolcpus: ['domain', 'managed_irq'],
          'nohz-full': 'isolated',
          'rcu-nocbs': 'isolated',
          tsc: 'reliable',
        },
      }),
      { reboot: true, commandLine: virtualHostCommandLine(machine, definition, host) },
    );
    let during: number;
    try {
      expect(applied.results.filter(({ state }) => state !== 'ok')).to.deep.equal([]);
      during = await ticks();
    } finally {
      expect(await applied.restore()).to.include({ complete: true, needsReboot: false });
    }
    const after = await ticks();
    const seen = `${String(before)}, with nohz_full ${String(during)}, then ${String(after)}`;
    console.log(`      ticks of a busy CPU in 10 s: ${seen}`);
    expect(during, seen).to.be.below(before / 5);
    expect(after, seen).to.be.above(before / 2);
    expect(await text('cat /proc/cmdline')).to.equal(cmdline);
  });
};
