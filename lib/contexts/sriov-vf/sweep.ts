import type { Host } from '../../host/host.js';
import { giveBack } from '../kvm-guest/resources.js';
import { sweepGuests } from '../kvm-guest/sweep.js';
import { restoreUnit, unitsOf } from './store.js';

/** Puts back what contexts of a run changed of PFs and VFs. Its guests go first: what they hold can't be taken from them. */
export const sweepDevices = async (host: Host, run: string, signal: AbortSignal): Promise<readonly string[]> => {
  const units = await unitsOf(host, run);
  const lines = units.length === 0 ? [] : [...(await sweepGuests(host, run, signal))];
  for (const unit of units) lines.push(...(await restoreUnit(host, run, unit)));
  return [...lines, ...(await giveBack(host, run)).map((name) => `gave back ${name}`)];
};
