import { Kvm4nfvError } from '../../error.js';
import type { Host } from '../../host/host.js';
import { macOf } from './guest.js';
import type { Chosen } from './prepare.js';
import { pingScript } from './scripts.js';

const echoes = 3;

/** Where the interfaces are: on a machine, or in a network namespace of it. */
export interface PingPlace {
  readonly host: Host;
  readonly namespace?: string;
}

/**
 * Pings through each device that was given somebody to ping; gives a word for each, such as `192.0.2.1 3/3`. An `environment`
 * error where nobody answers to thirty tries.
 */
export const pingThrough = async (
  { host, namespace }: PingPlace,
  chosen: readonly Chosen[],
  signal: AbortSignal,
): Promise<string[]> => {
  const told: string[] = [];
  for (const one of chosen) {
    const { ping } = one.want;
    if (ping === undefined) continue;
    const inside = namespace === undefined ? [] : ['ip', 'netns', 'exec', namespace];
    const argv = [...inside, 'sh', '-c', pingScript, 'kvm4nfv-ping', macOf(one) ?? '', ping];
    const { stdout, stderr } = await host.exec(argv, { root: true, check: false, signal, timeout: 180_000 });
    const received = Number(stdout.trim());
    if (!(received > 0))
      throw new Kvm4nfvError(
        'E_NO_PING',
        `${host.name}: ${ping} does not answer through ${one.device.address}${stderr.trim() === '' ? '' : `: ${stderr.trim()}`}`,
        { hint: 'Is it on the same network and in the same VLAN, and is the other end of the line up?' },
      );
    told.push(`${ping} ${String(received)}/${String(echoes)}`);
  }
  return told;
};
