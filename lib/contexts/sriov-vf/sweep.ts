import { Kvm4nfvError, messageOf } from '../../error.js';
import type { Host } from '../../host/host.js';
import { giveBack } from '../kvm-guest/resources.js';
import { sweepGuests } from '../kvm-guest/sweep.js';
import { restoreUnit, unitsOf } from './store.js';

/**
 * Puts back what contexts of a run changed of PFs and VFs. Its guests go first: what they hold can't be taken from them. What
 * can't be put back, since somebody uses it, keeps nothing else from it: all of that is told in one `teardown` error at the end.
 */
export const sweepDevices = async (host: Host, run: string, signal: AbortSignal): Promise<readonly string[]> => {
  const lines: string[] = [];
  const left: string[] = [];
  const attempt = async (work: () => Promise<readonly string[]>): Promise<void> => {
    try {
      lines.push(...(await work()));
    } catch (error) {
      left.push(messageOf(error));
    }
  };
  const units = await unitsOf(host, run);
  if (units.length > 0) await attempt(() => sweepGuests(host, run, signal));
  for (const unit of units) await attempt(() => restoreUnit(host, run, unit));
  await attempt(async () => (await giveBack(host, run)).map((name) => `gave back ${name}`));
  if (left.length === 0) return lines;
  throw new Kvm4nfvError('teardown', left.join('; '), { hint: `kvm4nfv cleanup --run ${run}` });
};
