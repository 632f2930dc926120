import type { ZodType } from 'zod';
import type { Host } from '../host/host.js';
import type { HostFacts } from '../host/facts.js';
import type { ExternalCommandLine } from '../tuning/bootloader.js';

/** What a result says loudly about the machine that was measured. */
export interface Traits {
  /** The guest ran under TCG: its latencies say nothing about real hardware. */
  readonly emulated?: boolean;
  /** The guest was started from a saved state. */
  readonly warm?: boolean;
  readonly [trait: string]: boolean | string | undefined;
}

/** A context that is in place. Disposing takes it down and puts everything back. */
export interface Deployment extends AsyncDisposable {
  /** Where its kernel command line stands, for a machine that is booted from outside. Default: in its own boot loader. */
  readonly commandLine?: ExternalCommandLine;
  readonly sut: Host;
  readonly traits: Traits;
  /** Disposing ends the machine with everything in it. Default: false. */
  readonly throwAway?: boolean;
}

/** What a context is given to deploy itself. */
export interface Deployer {
  /** Id of the run: everything created carries it. */
  readonly run: string;
  /** Name of the context in the suite. */
  readonly name: string;
  /** The machine to deploy on: a host, or another context's SUT. */
  readonly host: Host;
  readonly facts: HostFacts;
  readonly signal: AbortSignal;
  /** A directory of this machine for files of the run (consoles, domain XML). */
  readonly directory: string;
  /** Says which stage has been reached; shown live and recorded. */
  readonly progress: (stage: string) => void;
}

export interface ContextDefinition<Options = unknown> {
  readonly kind: 'context';
  readonly apiVersion: 1;
  readonly type: string;
  readonly summary: string;
  /** A strict object schema. `type`, `host`, `provision` and `tuning` are the suite's and not in it. */
  readonly options: ZodType<Options>;
  /** One line for each step of `deploy`, for `plan`; what is done at the end begins with `afterwards:`. */
  preview(options: Options): readonly string[];
  /** How many CPUs its machine has, numbered from 0, where that is known before it is there. */
  cpus?(options: Options): number | undefined;
  deploy(options: Options, on: Deployer): Promise<Deployment>;
  /** Removes what deployments of a killed run left on a host, known by the run's id; says what, a line each. Safe to repeat. */
  sweep?(host: Host, run: string, signal: AbortSignal): Promise<readonly string[]>;
}

/** Defines a context: a place where a test runs. */
export const defineContext = <Options>(
  definition: Omit<ContextDefinition<Options>, 'kind' | 'apiVersion'>,
): ContextDefinition<Options> => ({ kind: 'context', apiVersion: 1, ...definition });
