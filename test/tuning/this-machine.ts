import { setTimeout as sleep } from 'node:timers/promises';
import { localHost } from '../../lib/host/local.js';
import { dropLease, leaseOf } from '../../lib/tuning/lease.js';
import { restoreRun } from '../../lib/tuning/restore.js';

/** Waits until this machine may be tuned: another test run may have it for a moment, or have left it half way. */
export const machineIsFree = async (): Promise<void> => {
  const deadline = Date.now() + 60_000;
  while (Date.now() < deadline) {
    const state = await leaseOf(localHost());
    if (state.kind === 'free') return;
    if (state.kind === 'stale' && state.lease.run.startsWith('test-')) {
      await restoreRun(localHost(), state.lease.run);
      await dropLease(localHost(), state.lease.run);
    }
    await sleep(100);
  }
  throw new Error('somebody else has this machine');
};
