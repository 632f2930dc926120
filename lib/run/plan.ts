import type { ContextDefinition } from '../contexts/context.js';
import type { HostSpec, WrittenHost } from '../host/spec.js';
import type { Sla } from '../sla/sla.js';
import type { TuningSpec } from '../tuning/tuning-schema.js';
import type { LoadSpec } from './load.js';
import type { RunnerDefinition } from './runner.js';
import type { ScenarioDefinition } from './scenario.js';

/** A context as the executor deploys it; `on` is a host's or another context's name. */
export interface PlannedContext {
  readonly name: string;
  readonly definition: ContextDefinition;
  readonly options: unknown;
  readonly on: string;
  /** What is set on its machine before anything is measured; names and values were checked when the suite was loaded. */
  readonly tuning?: TuningSpec;
  /** Missing tools are installed. */
  readonly provision: boolean;
}

export interface PlannedTest {
  readonly name: string;
  readonly tags: readonly string[];
  readonly scenario: ScenarioDefinition;
  readonly context: string;
  /** The scenario's options as written, for a runner's parameters to be put over them. */
  readonly input: Readonly<Record<string, unknown>>;
  /** The same, parsed. */
  readonly options: unknown;
  /** Values of `matrix` and `${param}` that made this test. */
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly runner: { readonly definition: RunnerDefinition; readonly options: unknown };
  readonly load: readonly LoadSpec[];
  readonly sla: readonly Sla[];
}

/** A suite with everything resolved: what the executor runs and all that it knows. */
export interface Plan {
  readonly suite: { readonly name: string; readonly file: string; readonly sha256: string };
  readonly hosts: ReadonlyMap<string, HostSpec>;
  /** As the suite says them, for a result that tells no secret. Default: the above without what {@link secrets} holds. */
  readonly writtenHosts?: ReadonlyMap<string, WrittenHost>;
  readonly contexts: ReadonlyMap<string, PlannedContext>;
  /** Values that are never recorded: what `${env:...}` gave. */
  readonly secrets: readonly string[];
  /** How many groups of tests that share no machine run at once. */
  readonly parallel: number;
  /** Files of the suite's plug-ins: what their contexts leave behind only they can remove. */
  readonly plugins: readonly string[];
  /** Made one by one as they are asked for: a matrix may have thousands. */
  tests(): Iterable<PlannedTest>;
}
