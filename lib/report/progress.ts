import type { RunEvent } from '../run/event.js';
import { formatClock } from './format.js';

interface TestInHand {
  readonly name: string;
  readonly trials: number | undefined;
  trial: number;
}

interface TrialInHand {
  readonly test: number;
  readonly since: number;
  readonly expected: number | undefined;
}

/** What a run is at, kept up to date from its events. */
export class Progress {
  readonly #tests = new Map<number, TestInHand>();
  readonly #trials = new Map<string, TrialInHand>();
  #count = 0;
  #finished = 0;
  #expected = 0;
  #measured = 0;
  #stage = '';

  add(event: RunEvent): void {
    switch (event.type) {
      case 'run-started':
        this.#count = event.tests;
        this.#expected = event.expected;
        break;
      case 'context-stage':
        this.#stage = `${event.context}: ${event.stage}`;
        break;
      case 'context-deployed':
        this.#stage = '';
        break;
      case 'test-started':
        this.#tests.set(event.index, { name: event.test.name, trials: event.trials ?? undefined, trial: 0 });
        break;
      case 'trial-started': {
        const test = this.#tests.get(event.index);
        if (test !== undefined) test.trial += 1;
        this.#trials.set(event.trial, {
          test: event.index,
          since: Date.parse(event.at),
          expected: event.expected ?? undefined,
        });
        break;
      }
      case 'trial-finished':
        this.#measured += this.#trials.get(event.trial.id)?.expected ?? 0;
        this.#trials.delete(event.trial.id);
        break;
      case 'test-finished':
        this.#tests.delete(event.index);
        this.#finished += 1;
        break;
      default:
        break;
    }
  }

  /** One line: `2/12  timer-cpu, trial 1/3  0:12 of 1:00, about 10:40 left`. */
  line(now: number): string {
    const running = [...this.#trials.values()];
    // Of a trial whose length nobody knows nothing was expected either.
    const elapsed = running.map(({ since, expected = 0 }) => Math.min((now - since) * 1e6, expected));
    const left = this.#expected - this.#measured - elapsed.reduce((sum, one) => sum + one, 0);
    const [trial, ...others] = running;
    const test = trial === undefined ? undefined : this.#tests.get(trial.test);
    const parts = [`${String(this.#finished)}/${String(this.#count)}`];
    if (trial !== undefined && test !== undefined) {
      const of = test.trials === undefined ? '' : `/${String(test.trials)}`;
      parts.push(
        `${test.name}, trial ${String(test.trial)}${of}${others.length > 0 ? ` and ${String(others.length)} more` : ''}`,
      );
      const goal = trial.expected === undefined ? '' : ` of ${formatClock(trial.expected)}`;
      parts.push(`${formatClock((now - trial.since) * 1e6)}${goal}`);
    } else if (this.#stage !== '') parts.push(this.#stage);
    if (left > 0) parts.push(`about ${formatClock(left)} left`);
    return parts.join('  ');
  }
}

/** Events of a run, in their order, as lines of a log. */
export class EventLog {
  readonly #names = new Map<number, string>();

  /** Undefined for an event that a reader of a CI log need not see. */
  line(event: RunEvent): string | undefined {
    switch (event.type) {
      case 'run-started':
        return `run ${event.runId}: ${String(event.tests)} test${event.tests === 1 ? '' : 's'}${event.expected > 0 ? `, about ${formatClock(event.expected)} of measuring` : ''}`;
      case 'context-stage':
        return `context ${event.context}: ${event.stage}`;
      case 'test-started':
        this.#names.set(event.index, event.test.name);
        return `test ${event.test.name}: started in ${event.test.context}`;
      case 'trial-finished':
        return `trial ${event.trial.id}: ${event.trial.warmUp ? 'warm-up done' : event.trial.verdict}`;
      case 'test-finished': {
        const name = this.#names.get(event.index) ?? String(event.index + 1);
        this.#names.delete(event.index);
        return `test ${name}: ${event.verdict}${event.reasons.length > 0 ? ` (${event.reasons.join('; ')})` : ''}`;
      }
      case 'provisioned':
        return `installed on ${event.host}: ${event.packages.join(', ')}`;
      case 'problem':
        return `problem: ${event.problem.where}: ${event.problem.message}`;
      case 'context-destroyed':
        return `context ${event.context}: taken down`;
      case 'host-facts':
      case 'context-deployed':
      case 'trial-started':
      case 'run-finished':
        return undefined;
    }
  }
}
