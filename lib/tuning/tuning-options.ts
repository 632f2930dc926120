import type { ExternalCommandLine } from './bootloader.js';
import type { Layer } from './journal.js';
import type { RebootOptions } from './reboot.js';

export interface TuningOptions {
  readonly signal?: AbortSignal;
  /** Reboot where a knob needs it. Default: false. */
  readonly reboot?: boolean;
  readonly rebootOptions?: Omit<RebootOptions, 'signal'>;
  /** Where the command line stands, for machines that are booted from outside. Default: in the machine's own boot loader. */
  readonly commandLine?: ExternalCommandLine;
  /** Put the kernel command line back with the rest, and reboot again. Default: true. */
  readonly restoreBoot?: boolean;
  /** Which of the run's tunings of the machine it is, where there may be several. Default: its only one. */
  readonly layer?: Layer;
}
