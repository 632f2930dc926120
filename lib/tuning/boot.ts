import { Kvm4nfvError } from '../error.js';
import type { Host } from '../host/host.js';
import { bootloaderOf, type ExternalCommandLine } from './bootloader.js';
import { diffCmdline, mergeCmdline, missingParameters, type CmdlineDiff } from './cmdline.js';
import { commandLineKnob } from './journal.js';
import type { ResolvedTuning } from './profile.js';
import { reboot, type RebootOptions } from './reboot.js';
import { carryOut, look, type KnobChange, type View } from './session.js';
import type { TuningOptions } from './tuning-options.js';

export interface PlannedCommandLine {
  /** `grub`, `bls`, `external`; undefined where no boot loader is known. */
  readonly bootloader: string | undefined;
  readonly before: string;
  readonly after: string;
  readonly diff: CmdlineDiff;
}

const parametersOf = ({ knobs }: View): string[] =>
  knobs.flatMap(({ items }) => items.flatMap((item) => (item.kind === 'parameter' ? [item.parameter] : [])));

/** What would be written to the boot loader; undefined where the running kernel has every parameter already. */
export const planCommandLine = async (
  view: View,
  external?: ExternalCommandLine,
): Promise<PlannedCommandLine | undefined> => {
  const wanted = parametersOf(view);
  if (missingParameters(view.machine.cmdline, wanted).length === 0) return undefined;
  const loader = bootloaderOf(view.now);
  const before =
    external === undefined ? (loader?.configured(view.now) ?? view.machine.cmdline) : await external.configured();
  const after = mergeCmdline(before, wanted);
  return {
    bootloader: external === undefined ? loader?.name : 'external',
    before,
    after,
    diff: diffCmdline(before, after),
  };
};

const bootChanges = (view: View): KnobChange[] | undefined =>
  bootloaderOf(view.now)
    ?.changes(view.now, parametersOf(view))
    .map((planned) => ({ ...planned, knob: commandLineKnob, label: 'command line' }));

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
  const wanted = parametersOf(view);
  const external = options.commandLine;
  if (external === undefined) {
    const changes = bootChanges(view);
    if (changes === undefined)
      throw new Kvm4nfvError(
        'environment',
        `${host.name}: no boot loader is known here, so the kernel command line can't be set`,
        {
          hint: `Boot it with: ${missingParameters(view.machine.cmdline, wanted).join(' ')}`,
        },
      );
    const refusals = new Map<string, { status: number; said: string }>();
    await carryOut(host, tuning, view, { run, journal, changes }, refusals, options.signal);
    const told = [...refusals].map(([place, { said }]) => `${place}: ${said}`).join('; ');
    if (told !== '')
      throw new Kvm4nfvError('environment', `${host.name}: the kernel command line can't be set: ${told}`);
  } else await external.set(mergeCmdline(await external.configured(), wanted));
  const bootId = await reboot(host, rebootOptions(options, options.signal));
  await external?.rebooted?.();
  const fresh = await look(host, tuning, options.signal, view.machine);
  if (fresh.machine.bootId !== bootId)
    throw new Kvm4nfvError('environment', `${host.name} rebooted once more by itself`);
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
