import { codeOfFault } from '../error-codes/index.js';
import { Kvm4nfvError, type Fault } from '../error.js';
import type { HostFacts } from '../host/facts.js';
import { isWorse } from '../sla/sla.js';
import { worst, type Verdict } from '../sla/verdict.js';
import { mergeMetrics } from './encode.js';
import { eventSchema, type RunEvent } from './event.js';
import { exitCodeOfFault, exitCodeOfVerdict, gravest } from './exit-code.js';
import { changedFacts } from './facts-change.js';
import type { Problem, Result, ResultTest, ResultTrial, SlaOutcome } from './result.js';
import { readEvents } from './store.js';

/** For each SLA the worst outcome over the trials, with the trial where there are several; of equals the first. */
const worstOutcomes = (trials: readonly ResultTrial[]): SlaOutcome[] => {
  const outcomes = new Map<string, SlaOutcome>();
  for (const { id, sla } of trials)
    for (const one of sla) {
      const outcome = trials.length > 1 ? { ...one, trial: id } : one;
      const key = `${outcome.severity} ${outcome.expression}`;
      const known = outcomes.get(key);
      if (known === undefined || isWorse(outcome, known)) outcomes.set(key, outcome);
    }
  return [...outcomes.values()];
};

const sameParameters = (trials: readonly ResultTrial[]): boolean =>
  new Set(trials.map(({ parameters }) => JSON.stringify(parameters))).size <= 1;

interface OpenTest {
  readonly test: Omit<ResultTest, 'verdict' | 'reasons' | 'metrics' | 'trials' | 'sla'>;
  readonly trials: ResultTrial[];
  end?: TestEnd;
}

interface TestEnd {
  readonly verdict: Verdict;
  readonly reasons: readonly string[];
  readonly fault?: Fault | undefined;
  readonly code?: string | undefined;
}

const cutShort: TestEnd = { verdict: 'error', reasons: ['the run ended before this test did'] };

const closeTest = ({ test, trials, end }: OpenTest): ResultTest => {
  const judged = trials.filter(({ warmUp }) => !warmUp);
  const troubled = judged.find((trial) => trial.fault !== undefined);
  const { verdict, reasons, fault = troubled?.fault, code = troubled?.code } = end ?? cutShort;
  return {
    ...test,
    verdict: worst([...judged.map((trial) => trial.verdict), verdict]),
    reasons: [...reasons],
    ...(fault === undefined ? {} : { fault, code: code ?? codeOfFault(fault) }),
    metrics: sameParameters(judged) ? mergeMetrics(judged.map(({ metrics }) => metrics)) : [],
    trials,
    sla: worstOutcomes(judged),
  };
};

const exitCodeOf = (tests: readonly ResultTest[], problems: readonly Problem[]): number =>
  gravest([
    ...problems.map(({ fault }) => exitCodeOfFault[fault]),
    ...tests.map(({ verdict, fault }) => exitCodeOfVerdict(verdict, fault)),
    ...(tests.length === 0 ? [exitCodeOfVerdict('no-data', undefined)] : []),
  ]);

/** Derives the result from the events of a run, of one that was killed too: what it measured is there, and it is no pass. */
export class Reduction {
  #result: Omit<Result, 'verdict' | 'exitCode' | 'tests'> | undefined;
  readonly #tests = new Map<number, OpenTest>();

  #changed(machine: string, before: HostFacts | undefined, after: HostFacts | undefined): void {
    if (this.#result === undefined || before === undefined || after === undefined) return;
    this.#result.environmentChanges[machine] = changedFacts(before, after);
  }

  add(event: RunEvent): void {
    if (event.type === 'run-started') {
      const { runId, kvm4nfv, suite } = event;
      const empty = { environment: {}, environmentChanges: {}, contexts: {}, provisioned: {}, problems: [] };
      this.#result = { schemaVersion: 1, runId, kvm4nfv, suite, startedAt: event.at, endedAt: null, ...empty };
      return;
    }
    const result = this.#result;
    if (result === undefined)
      throw new Kvm4nfvError('E_EVENTS', `the events do not begin with run-started but with ${event.type}`);
    switch (event.type) {
      case 'host-facts':
        if (event.phase === 'before') result.environment[event.host] = event.facts;
        else this.#changed(event.host, result.environment[event.host], event.facts);
        break;
      case 'context-deployed':
        result.contexts[event.context] = event.result;
        break;
      case 'context-destroyed':
        this.#changed(event.context, result.contexts[event.context]?.facts, event.facts);
        break;
      case 'provisioned':
        result.provisioned[event.host] = [...(result.provisioned[event.host] ?? []), ...event.packages];
        break;
      case 'test-started':
        this.#tests.set(event.index, { test: event.test, trials: [] });
        break;
      case 'trial-finished':
        this.#tests.get(event.index)?.trials.push(event.trial);
        break;
      case 'test-finished': {
        const open = this.#tests.get(event.index);
        if (open !== undefined) open.end = event;
        break;
      }
      case 'problem':
        result.problems.push(event.problem);
        break;
      case 'run-finished':
        result.endedAt = event.at;
        break;
      case 'context-stage':
      case 'trial-started':
        break;
    }
  }

  result(): Result {
    if (this.#result === undefined) throw new Kvm4nfvError('E_EVENTS', 'there are no events of a run');
    const tests = [...this.#tests.entries()].sort(([a], [b]) => a - b).map(([, test]) => closeTest(test));
    const problems = [...this.#result.problems];
    if (this.#result.endedAt === null)
      problems.push({
        where: 'run',
        fault: 'internal',
        code: 'E_CUT_SHORT',
        message: 'the run was killed before its end',
        hint: `kvm4nfv cleanup --run ${this.#result.runId}`,
      });
    const verdict = worst([...tests.map((test) => test.verdict), ...(problems.length > 0 ? (['error'] as const) : [])]);
    return { ...this.#result, problems, verdict, exitCode: exitCodeOf(tests, problems), tests };
  }
}

/** The result of the run in `directory`, derived anew from its events. */
export const reduceRun = async (directory: string): Promise<Result> => {
  const reduction = new Reduction();
  let line = 0;
  for await (const event of readEvents(directory)) {
    line += 1;
    const parsed = eventSchema.safeParse(event);
    if (!parsed.success)
      throw new Kvm4nfvError(
        'E_EVENTS',
        `${directory}: event ${String(line)} is not one of kvm4nfv's: ${parsed.error.issues[0]?.message ?? ''}`,
      );
    reduction.add(parsed.data);
  }
  return reduction.result();
};
