import type { Host } from '../host/host.js';
import { runBatch } from './batch.js';
import { bootloaderOf, bootRequests } from './boot/evidence.js';
import type { Bootloader, NoBootloader } from './boot/step.js';

/** A machine that is booted from outside, such as a guest whose kernel and command line stand in its domain XML. */
export interface ExternalCommandLine {
  readonly configured: () => Promise<string>;
  readonly set: (cmdline: string) => Promise<void>;
  /** Starts the machine anew, with it. Default: the machine reboots itself. */
  readonly reboot?: () => Promise<void>;
  /** Called once the machine answers again: checks that it is still what was asked for, and puts right what does not outlive a reboot. */
  readonly rebooted?: () => Promise<void>;
}

/** Looks how a machine was booted. Writes nothing; its boot files are sourced by its own shell. One round trip. */
export const findBootloader = async (host: Host, signal?: AbortSignal): Promise<Bootloader | NoBootloader> => {
  const { snapshot } = await runBatch(host, { requests: bootRequests }, signal);
  return bootloaderOf(snapshot);
};
