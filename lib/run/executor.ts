import { Kvm4nfvError, messageOf } from '../error.js';
import type { RunEvent } from './event.js';
import { Execution } from './execution.js';
import { causeOfStop, troubleOf } from './fault.js';
import type { Plan } from './plan.js';
import { Reduction } from './reduce.js';
import type { Problem, Result } from './result.js';
import { newRunId } from './run-id.js';
import { RunStore } from './store.js';

export interface ExecuteOptions {
  /** Where the run's directory is made. Default: `results`. */
  readonly results?: string;
  readonly runId?: string;
  /** Aborting it ends the running trial, restores everything, and gives a result with exit code 130. */
  readonly signal?: AbortSignal;
  /** Told of every event, after it is on disk. */
  readonly onEvent?: (event: RunEvent) => void;
  /** The tests after the first that failed are skipped. Default: false. */
  readonly failFast?: boolean;
}

export interface RunOutcome {
  readonly result: Result;
  readonly directory: string;
}

const stopped = (signal: AbortSignal): Omit<Problem, 'where'> => {
  const cause = causeOfStop(signal);
  if (cause === undefined) return { fault: 'interrupted', message: 'interrupted; what was set up has been put back' };
  const { fault, code, message, hint } = cause;
  return { fault, code, message, ...(hint === undefined ? {} : { hint }) };
};

/**
 * Runs a plan to its end and gives the result, whatever the verdict.
 * @throws Kvm4nfvError `environment` when the results directory can't be written; everything has been taken down then.
 */
export const execute = async (plan: Plan, options: ExecuteOptions = {}): Promise<RunOutcome> => {
  const { results = 'results', signal = new AbortController().signal, onEvent, failFast = false } = options;
  const runId = options.runId ?? newRunId(plan.suite.name);
  const reduction = new Reduction();
  await using store = await RunStore.create(results, runId, {
    secrets: plan.secrets,
    listener: (event) => {
      reduction.add(event);
      onEvent?.(event);
    },
  });
  try {
    await new Execution(plan, store, runId, signal, failFast).execute();
  } catch (error) {
    if (Kvm4nfvError.is(error)) throw error;
    await store.append({
      type: 'problem',
      problem: { where: 'run', ...troubleOf(error), message: messageOf(error) },
    });
  }
  if (store.failure !== undefined) throw store.failure;
  if (signal.aborted) await store.append({ type: 'problem', problem: { where: 'run', ...stopped(signal) } });
  await store.append({ type: 'run-finished' });
  const result = reduction.result();
  await store.writeResult(result);
  return { result, directory: store.directory };
};
