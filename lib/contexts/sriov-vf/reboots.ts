import { Kvm4nfvError } from '../../error.js';
import type { ExternalCommandLine } from '../../tuning/bootloader.js';
import type { Deployment } from '../context.js';

/** Of a machine that no tuning may reboot: where one needs it, that is a `usage` error which says why not. */
export const noReboot = (name: string, why: string): ExternalCommandLine => {
  const refused = (): Promise<never> =>
    Promise.reject(
      new Kvm4nfvError('E_TUNING_REBOOT', `context ${name}: its tuning needs a reboot, and ${why}`, {
        hint: 'Leave out `reboot: true`, or the knobs that need it.',
      }),
    );
  return { configured: refused, set: refused };
};

/** The kernel command line of a guest with devices, which `bringUp` sets up again after each boot. */
export const againAfterReboot = (
  name: string,
  { commandLine }: Pick<Deployment, 'commandLine'>,
  bringUp: () => Promise<void>,
): ExternalCommandLine =>
  commandLine === undefined
    ? noReboot(name, 'a guest that boots by its own loader comes back without its interfaces: use a built-in image')
    : {
        ...commandLine,
        rebooted: async () => {
          await commandLine.rebooted?.();
          await bringUp();
        },
      };
