import { setTimeout as sleep } from 'node:timers/promises';
import { Kvm4nfvError, messageOf } from '../error.js';
import type { Host } from '../host/host.js';
import { bootIdPath } from './machine.js';

export interface RebootOptions {
  /** Milliseconds until the machine must be back. Default: 10 minutes. */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
  /** How the machine is started anew. Default: by its own `systemctl reboot` or `reboot`. */
  readonly start?: () => Promise<void>;
}

/** Detached, so that the command has answered before the machine goes down. */
const rebootScript = `setsid sh -c 'sleep 1; systemctl reboot || reboot || reboot -f' >/dev/null 2>&1 </dev/null &`;

/** Boots the machine anew and waits until it answers with another boot id, which is returned. */
export const reboot = async (host: Host, options: RebootOptions = {}): Promise<string> => {
  const old = (await host.read(bootIdPath)).trim();
  const deadline = Date.now() + (options.timeout ?? 600_000);
  if (options.start === undefined) await host.exec(['sh', '-c', rebootScript], { root: true });
  else await options.start();
  let last = 'it still shows the old boot id';
  while (Date.now() < deadline) {
    await sleep(1000, undefined, options.signal === undefined ? {} : { signal: options.signal });
    try {
      const { stdout } = await host.exec(['cat', bootIdPath], { timeout: 15_000 });
      if (stdout.trim() !== old && stdout.trim() !== '') return stdout.trim();
    } catch (error) {
      last = messageOf(error);
    }
  }
  throw new Kvm4nfvError(
    'E_REBOOT',
    `${host.name} did not come back from its reboot within ${String((options.timeout ?? 600_000) / 1000)} s: ${last}`,
    {
      hint: 'Look at its console; `kvm4nfv cleanup` puts the kernel command line back once it answers.',
    },
  );
};
