/**
 * Load, plan, run and report suites from another program, as `kvm4nfv`.
 * @module
 */
export { builtins } from './builtins.js';
export { Kvm4nfvError, messageOf, type Fault, type Kvm4nfvErrorOptions } from './error.js';
export { readFacts, type HostFacts } from './host/facts.js';
export { openHost } from './host/open.js';
export type { HostSpec } from './host/spec.js';
export { Histogram } from './measure/histogram.js';
export type { Paint, Style } from './report/paint.js';
export { renderSummary, type SummaryOptions } from './report/summary.js';
export { eventLine, Progress } from './report/progress.js';
export { planSteps, planTest, type TestSteps } from './report/plan.js';
export { cleanupRun, runDirectories, type CleanupOptions, type CleanupReport } from './run/cleanup.js';
export { decodeHistogram } from './run/encode.js';
export { estimate } from './run/estimate.js';
export { eventJsonSchema, type EventBody, type RunEvent } from './run/event.js';
export { execute, type ExecuteOptions, type RunOutcome } from './run/executor.js';
export type { Plan, PlannedContext, PlannedTest } from './run/plan.js';
export { reduceRun } from './run/reduce.js';
export { Registry, type Definition } from './run/registry.js';
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
export { SuiteError, type Diagnostic } from './suite/diagnostic.js';
export { renderDiagnostics, type Sources } from './suite/render.js';
export { loadSuite, type LoadedSuite, type LoadOptions } from './suite/load.js';
export { planSuite, type PlanOptions } from './suite/plan.js';
export { version } from './version.js';
