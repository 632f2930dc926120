/**
 * Load, plan, run and report suites from another program, as `kvm4nfv`.
 * @module
 */
export { builtins } from './builtins.js';
export { codeOf, Kvm4nfvError, messageOf, type ErrorCode, type Fault, type Kvm4nfvErrorOptions } from './error.js';
export type { ErrorEntry } from './error-codes/entry.js';
export { errorCodes } from './error-codes/index.js';
export { readFacts, type HostFacts } from './host/facts.js';
export { openHost, type OpenOptions } from './host/open.js';
export { buildImage, type BuildOptions } from './image/build.js';
export type { BuiltImage } from './image/built-image.js';
export { cacheDirectory, listImages, removeImage, type CacheOptions } from './image/cache.js';
export { builtInManifest, imageManifestSchema, type ImageManifest } from './image/manifest.js';
export type { HostSpec } from './host/spec.js';
export { wireOf } from './lab/find.js';
export type { Ipv4Address, MacAddress } from './lab/frames/address.js';
export type { MachineName } from './lab/instance.js';
export type { LabOptions } from './lab/places.js';
export type { WireEnds } from './lab/ports.js';
export { openStation, type PingOptions, type PingResult, type Station, type StationOptions } from './lab/station.js';
export { openWire, type ReceivedFrame, type Wire, type WireStatistics } from './lab/wire.js';
export { Histogram } from './measure/histogram.js';
export type { Paint, Style } from './report/paint.js';
export { renderSummary, type SummaryOptions } from './report/summary.js';
export { EventLog, Progress } from './report/progress.js';
export { planSteps, planTest, type TestSteps } from './report/plan.js';
export { cleanupRun, runDirectories, type CleanupOptions, type CleanupReport, type Sweepers } from './run/cleanup.js';
export { decodeHistogram } from './run/encode.js';
export { estimate } from './run/estimate.js';
export { eventJsonSchema, type EventBody, type RunEvent } from './run/event.js';
export { execute, type ExecuteOptions, type RunOutcome } from './run/executor.js';
export type { Plan, PlannedContext, PlannedTest } from './run/plan.js';
export { reduceRun } from './run/reduce.js';
export { Registry, type Announcement, type Definition, type Kind } from './run/registry.js';
export { resultJsonSchema } from './run/result.js';
export type {
  HistogramMetric,
  Problem,
  Result,
  ResultMetric,
  ResultTest,
  ResultTrial,
  SlaOutcome,
} from './run/result.js';
export { readEvents } from './run/store.js';
export { verdicts, worst, type Verdict } from './sla/verdict.js';
export { suiteJsonSchema, type Json } from './suite/json-schema.js';
export type { Diagnostic } from './suite/diagnostic.js';
export { SuiteError } from './suite/suite-error.js';
export { renderDiagnostics, type Sources } from './suite/render.js';
export { loadSuite, type LoadedSuite, type LoadOptions } from './suite/load.js';
export { addPlugin, sweepersOf } from './suite/plugins.js';
export { planSuite, type PlanOptions } from './suite/plan.js';
export type { FirmwareSetting } from './doctor/firmware.js';
export type { Capabilities, SriovDevice } from './doctor/capabilities.js';
export type { CmdlineDiff } from './tuning/cmdline.js';
export { examine, type ExamineOptions, type Readiness } from './doctor/examine.js';
export type { Cost, Finding, Severity, Use } from './doctor/finding.js';
export { renderReadinessMarkdown } from './doctor/render-markdown.js';
export { renderReadinessText } from './doctor/render-text.js';
export {
  applyTuning,
  planTuning,
  verifyTuning,
  type AppliedTuning,
  type TuningOptions,
  type TuningPlan,
} from './tuning/engine.js';
export type { PlannedCommandLine } from './tuning/boot/command-line.js';
export type { ItemResult, KnobResult } from './tuning/judge.js';
export type { Machine } from './tuning/machine.js';
export type { ResolvedTuning } from './tuning/profile.js';
export type { RebootOptions } from './tuning/reboot.js';
export { resolveNamed } from './tuning/resolve.js';
export {
  restoreRun,
  runsToRestore,
  type RestoredPlace,
  type RestoreOptions,
  type RestoreReport,
} from './tuning/restore.js';
export { version } from './version.js';
