import { Kvm4nfvError } from '../error.js';
import type { Host } from '../host/host.js';
import { setCommandLine } from './boot/command-line.js';
import type { ResolvedTuning } from './profile.js';
import { reboot, type RebootOptions } from './reboot.js';
import { look, type View } from './session.js';
import type { TuningOptions } from './tuning-options.js';

/** A tuning on its way: whose it is, and where its journal lies. */
export interface Applying {
  readonly run: string;
  readonly journal: string;
  /** The run had the host before, and has it on. */
  readonly onTop: boolean;
}

/** Writes the command line, boots with it and gives the new view. */
export const boot = async (
  host: Host,
  { run, journal }: Applying,
  tuning: ResolvedTuning,
  view: View,
  options: TuningOptions,
): Promise<View> => {
  await setCommandLine(host, { run, journal }, view, options);
  const bootId = await reboot(host, rebootOptions(options, options.signal));
  await options.commandLine?.rebooted?.();
  const fresh = await look(host, tuning, options.signal, view.machine);
  if (fresh.machine.bootId !== bootId)
    throw new Kvm4nfvError('E_REBOOTED', `${host.name} rebooted once more by itself`);
  return fresh;
};

export const rebootOptions = (
  { rebootOptions: own = {}, commandLine }: TuningOptions,
  signal: AbortSignal | undefined,
): RebootOptions => ({
  ...own,
  ...(signal === undefined ? {} : { signal }),
  ...(commandLine?.reboot === undefined || own.start !== undefined ? {} : { start: commandLine.reboot }),
});
