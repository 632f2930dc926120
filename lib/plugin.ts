/**
 * What the author of a scenario, runner or context imports, as `kvm4nfv/plugin`. The built-in ones import nothing else.
 * @module
 */
export * as z from 'zod';
export { Kvm4nfvError, messageOf, type ErrorCode, type Fault, type Kvm4nfvErrorOptions } from './error.js';
export {
  cpuSelection,
  formatCpuList,
  formatCpuMask,
  resolveCpus,
  type CpuSelection,
  type CpuTopology,
} from './host/cpu-list.js';
export { readFiles, type FilesOptions } from './host/files.js';
export type { HostFacts } from './host/facts.js';
export { CommandError, HostFileError, UnreachableError } from './host/host.js';
export { maxWords } from './host/limits.js';
export type {
  Endpoint,
  ExecOptions,
  ExecResult,
  Fetched,
  FileOptions,
  Host,
  Job,
  JobResult,
  JobSpec,
} from './host/host.js';
export { leastOf } from './measure/completeness.js';
export { duration, parseDuration, parseSize, rate, size } from './measure/fields.js';
export type {
  Expectation,
  MeasuredHistogram,
  Interval,
  Labels,
  Measurement,
  Metric,
  MetricDeclaration,
  MetricKind,
} from './measure/measurement.js';
export type { BitsPerSecond, Bytes, Nanoseconds, Unit } from './measure/units.js';
export {
  judge,
  parseSla,
  type Judgement,
  type Operator,
  type Quantity,
  type Severity,
  type Sla,
  type SlaParse,
  type Statistic,
} from './sla/sla.js';
export { hwlatError, hwlatScript, lostWindows, parseHwlat, parseWatched, type HwlatWindow } from './trace/hwlat.js';
export type { ExternalCommandLine } from './tuning/bootloader.js';
export {
  defineContext,
  type ContextDefinition,
  type Deployer,
  type Deployment,
  type Traits,
} from './contexts/context.js';
export {
  defineScenario,
  type KeepOptions,
  type Need,
  type Preview,
  type ScenarioDefinition,
  type Trial,
} from './run/scenario.js';
export {
  defineRunner,
  type RunnerDefinition,
  type RunnerOutcome,
  type RunnerPreview,
  type RunnerSla,
  type TrialFeedback,
  type TrialParameters,
  type Trials,
} from './run/runner.js';
export type { Bounds } from './measure/bounds.js';
export { Histogram, type Bin, type EncodedHistogram, type Overflow } from './measure/histogram.js';
export { SampleSink, type SampleInterval, type Samples, type SampleSinkOptions } from './measure/sample-sink.js';
