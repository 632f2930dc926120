import { Attempts } from '../../attempts.js';
import { Kvm4nfvError } from '../../error.js';
import type { Host } from '../../host/host.js';
import { giveBack } from '../kvm-guest/resources.js';
import { sweepGuests } from '../kvm-guest/sweep.js';
import { restoreUnit, unitsOf } from './store.js';

/**
 * Puts back what contexts of a run changed of PFs and VFs. Its guests go first: what they hold can't be taken from them. What
 * can't be put back, since somebody uses it, keeps nothing else from it: all of that is told in one `teardown` error at the end.
 */
export const sweepDevices = async (host: Host, run: string, signal: AbortSignal): Promise<readonly string[]> => {
  const attempts = new Attempts();
  const units = await unitsOf(host, run);
  if (units.length > 0) await attempts.make(() => sweepGuests(host, run, signal));
  for (const unit of units) await attempts.make(() => restoreUnit(host, run, unit));
  await attempts.make(async () => (await giveBack(host, run)).map((name) => `gave back ${name}`));
  if (attempts.failed.length === 0) return attempts.done;
  throw new Kvm4nfvError('E_VF_END', attempts.failed.join('; '), { hint: `kvm4nfv cleanup --run ${run}` });
};
