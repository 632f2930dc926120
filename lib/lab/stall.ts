import { setTimeout as sleep } from 'node:timers/promises';
import type { Host } from '../host/host.js';

// Seen with QEMU 10.0 and several virtual CPUs under TCG, in one boot of a dozen: the local APIC of one of them keeps the
// timer's vector in service though its handler has returned, and no timer fires there ever again. Linux says so after 21 s.
const complaint = "kthread timer wakeup didn't happen";
const lookEvery = 3000;

/** Returns once a machine that boots says on its console that one of its CPUs has lost its timer; it will never be up. */
export const timerLost = async (host: Host, log: string, signal: AbortSignal): Promise<void> => {
  for (;;) {
    await sleep(lookEvery, undefined, { signal });
    const { exitCode } = await host.exec(['grep', '-aqsF', '--', complaint, log], { check: false, signal });
    if (exitCode === 0) return;
  }
};
