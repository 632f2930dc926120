import { takeSteps } from '../../lib/tuning/boot/step.js';
import { findBootloader } from '../../lib/tuning/bootloader.js';
import { journalOf } from '../../lib/tuning/journal.js';
import type { SimulatedHost } from '../../lib/host/simulated.js';
import { recordedMachine, type RecordedOptions } from './recorded.js';

export const wanted = ['skew_tick=1', 'isolcpus=domain,2-3'];
const run = { run: 'run-1', journal: journalOf('run-1'), bootId: '11111111-1111-4111-8111-111111111111' };
export const updateGrub = '/usr/sbin/update-grub';

export const set = async (host: SimulatedHost, parameters: readonly string[] = wanted): Promise<string> => {
  const found = await findBootloader(host);
  if (found.name === undefined) throw new Error(found.reason);
  const step = found.set(parameters);
  if (step !== undefined) await takeSteps(host, run, step);
  return found.name;
};
export const refusalOf = async (host: SimulatedHost): Promise<string> => {
  const found = await findBootloader(host);
  return found.name === undefined ? found.reason : '';
};
export const failureOf = async (host: SimulatedHost): Promise<string> =>
  set(host).then(
    () => 'it was set',
    (error: unknown) => (error instanceof Error ? error.message : ''),
  );
export const treeOf = (host: SimulatedHost): Record<string, string> =>
  Object.fromEntries([...host.files].filter(([path]) => !path.startsWith('/var/lib/kvm4nfv')));

/** A machine with GRUB's files, whose update-grub does what `update` does. */
export const grubMachine = (
  files: Readonly<Record<string, string>>,
  update: (host: SimulatedHost) => void = () => undefined,
  options: RecordedOptions = {},
): SimulatedHost => {
  const { host } = recordedMachine('base-intel-2s', {
    ...options,
    files: { [updateGrub]: '', '/etc/default/grub.d/README': '', ...files, ...options.files },
    commands: {
      [updateGrub]: () => {
        update(host);
        return '';
      },
      ...options.commands,
    },
  });
  return host;
};
