import { localHost } from '../../lib/host/local.js';
import { dropLease, leaseOf } from '../../lib/tuning/lease.js';
import { restoreRun } from '../../lib/tuning/restore.js';
import { eventually } from '../support/eventually.js';

/** Waits until this machine may be tuned: another test run may have it for a moment, or have left it half way. */
export const machineIsFree = async (): Promise<void> => {
  await eventually('this machine, which somebody else tunes', async () => {
    const state = await leaseOf(localHost());
    if (state.kind === 'stale' && state.lease.run.startsWith('test-')) {
      await restoreRun(localHost(), state.lease.run);
      await dropLease(localHost(), state.lease.run);
    }
    return state.kind === 'free';
  });
};
