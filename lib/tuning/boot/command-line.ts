import { Kvm4nfvError } from '../../error.js';
import type { Host } from '../../host/host.js';
import { findBootloader, type ExternalCommandLine } from '../bootloader.js';
import { diffCmdline, mergeCmdline, missingParameters, type CmdlineDiff } from '../cmdline.js';
import type { Item } from '../knob.js';
import type { View } from '../session.js';
import { takeSteps } from './step.js';

export interface CommandLineOptions {
  readonly signal?: AbortSignal;
  readonly commandLine?: ExternalCommandLine;
}

export interface PlannedCommandLine {
  /** `grub`, `bls`, `proxmox-boot-tool`, `ostree`, `external`; undefined where it can't be set, which `reason` and `hint` explain. */
  readonly bootloader: string | undefined;
  readonly reason?: string;
  readonly hint?: string;
  readonly before: string;
  readonly after: string;
  readonly diff: CmdlineDiff;
}

/** Whose changes they are, and the journal that they go to. */
export interface Records {
  readonly run: string;
  readonly journal: string;
}

const parametersOf = ({ knobs }: View): Extract<Item, { kind: 'parameter' }>[] =>
  knobs.flatMap(({ items }) => items.filter((item) => item.kind === 'parameter'));

/** Parameters that neither show in effect nor stand on the command line: only a boot with them helps. */
const awaited = (view: View): string[] => {
  const wanted = parametersOf(view).filter(({ shows }) => shows?.effective !== true);
  return missingParameters(
    view.machine.cmdline,
    wanted.map(({ parameter }) => parameter),
  );
};

/** What a command line that is booted next needs: all but what is in effect without its parameter, by others' means. */
const neededBy = (view: View, configured: string): string[] =>
  parametersOf(view).flatMap(({ parameter, shows }) =>
    shows?.effective === true &&
    (missingParameters(view.machine.cmdline, [parameter]).length > 0 ||
      missingParameters(configured, [parameter]).length === 0)
      ? []
      : [parameter],
  );

/** Undefined where the running kernel needs no more than it has. Writes nothing. */
export const planCommandLine = async (
  host: Host,
  view: View,
  { commandLine: external, signal }: CommandLineOptions,
): Promise<PlannedCommandLine | undefined> => {
  if (awaited(view).length === 0) return undefined;
  const found = external === undefined ? await findBootloader(host, signal) : undefined;
  const before =
    external === undefined
      ? found?.name === undefined
        ? view.machine.cmdline
        : found.configured
      : await external.configured();
  const after = mergeCmdline(before, neededBy(view, before));
  const diff = diffCmdline(before, after);
  if (found === undefined) return { bootloader: 'external', before, after, diff };
  return found.name === undefined
    ? { bootloader: undefined, reason: found.reason, hint: found.hint, before, after, diff }
    : { bootloader: found.name, before, after, diff };
};

/** Writes the command line that the next boot needs; done when it is proven to be what that boot gets. */
export const setCommandLine = async (
  host: Host,
  records: Records,
  view: View,
  { commandLine: external, signal }: CommandLineOptions,
): Promise<void> => {
  if (external !== undefined) {
    const configured = await external.configured();
    await external.set(mergeCmdline(configured, neededBy(view, configured)));
    return;
  }
  const found = await findBootloader(host, signal);
  if (found.name === undefined)
    throw new Kvm4nfvError('E_BOOTLOADER', `${host.name}: the kernel command line can't be set: ${found.reason}`, {
      hint: `${found.hint} What is needed: ${awaited(view).join(' ')}`,
    });
  const step = found.set(neededBy(view, found.configured));
  if (step !== undefined) await takeSteps(host, { ...records, bootId: view.machine.bootId, signal }, step);
};
