import type { ZodType } from 'zod';
import type { HostFacts } from '../host/facts.js';
import type { Host, Job } from '../host/host.js';
import type { CpuSelection } from '../host/cpu-list.js';
import type { Measurement, MetricDeclaration } from '../measure/measurement.js';
import type { Nanoseconds } from '../measure/units.js';

/** Something the SUT must have before anything is measured. */
export type Need =
  | {
      readonly kind: 'tool';
      readonly name: string;
      /** Debian package that has it. */
      readonly package: string;
      /** Options that `tool --help` must name, such as `--json`. */
      readonly options?: readonly string[];
      /** Words before `--help`, where a command of the tool has the options: `['timerlat', 'hist']`. */
      readonly command?: readonly string[];
    }
  | {
      /** CPUs that a process of ours must be allowed to run on. */
      readonly kind: 'cpus';
      readonly cpus: CpuSelection;
      /** Option of the scenario that names them. */
      readonly option: string;
    }
  | { readonly kind: 'root' }
  | { readonly kind: 'file'; readonly path: string; readonly why: string };

export interface KeepOptions {
  /** Bytes that are kept at most. Default: 64 MiB. */
  readonly limit?: number;
  /** Of a larger file the first and the last half of `limit` will do. Default: it is an error. */
  readonly cut?: boolean;
}

/** What a scenario is given to measure once. */
export interface Trial<Options = unknown> {
  readonly run: string;
  /** Unique within the run and fit for a file name. */
  readonly id: string;
  readonly options: Options;
  readonly sut: Host;
  readonly facts: HostFacts;
  readonly signal: AbortSignal;
  /** CPUs of the SUT that a selection names; an error with the SUT's online CPUs where it names others. */
  cpus(selection: CpuSelection): readonly number[];
  /**
   * Runs `body` as the measured window: loads run from a margin before until a margin after, what we cost the SUT is
   * counted, and a load that died makes the trial an error. Exactly one window per trial.
   */
  window<T>(body: () => Promise<T>): Promise<T>;
  /** Starts a detached job on the SUT that ends with the trial at the latest. */
  start(
    argv: readonly string[],
    options?: { readonly root?: boolean; readonly env?: Readonly<Record<string, string>> },
  ): Promise<Job>;
  /**
   * Fetches a file of the SUT into the trial's `raw/` and gives its path on this machine. {@link HostFileError} where there is none,
   * or something else than a file; fault `tool` where it is larger than may be.
   */
  keep(path: string, as: string, options?: KeepOptions): Promise<string>;
  /** The same of several files of one job, all or none, in one round trip. */
  keepAll(files: readonly (readonly [path: string, as: string, options?: KeepOptions])[]): Promise<readonly string[]>;
}

/** What will run, told without running it. */
export interface Preview {
  readonly commands: readonly (readonly string[])[];
  /** How long one trial measures, where that can be known. */
  readonly duration?: Nanoseconds;
}

export interface ScenarioDefinition<Options = unknown> {
  readonly kind: 'scenario';
  readonly apiVersion: 1;
  readonly type: string;
  readonly summary: string;
  /** A strict object schema; type, validation, JSON Schema and docs come from it. */
  readonly options: ZodType<Options>;
  metrics(options: Options): readonly MetricDeclaration[];
  needs(options: Options): readonly Need[];
  preview(options: Options): Preview;
  /** CPUs of the SUT by the option that names them: where a context is known to lack one, the suite is wrong. */
  cpus?(options: Options): Readonly<Record<string, CpuSelection | undefined>>;
  measure(trial: Trial<Options>): Promise<Measurement>;
}

/** Defines a scenario: what is measured. */
export const defineScenario = <Options>(
  definition: Omit<ScenarioDefinition<Options>, 'kind' | 'apiVersion'>,
): ScenarioDefinition<Options> => ({ kind: 'scenario', apiVersion: 1, ...definition });
