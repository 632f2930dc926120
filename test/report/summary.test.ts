import { expect } from 'chai';
import { stripVTControlCharacters } from 'node:util';
import { coloured } from '../../lib/report/paint.js';
import { renderSummary } from '../../lib/report/summary.js';
import type { Result } from '../../lib/run/result.js';
import { expectGolden } from '../support/golden.js';
import { metrics, resultOf, testOf, trialOf } from './result.js';

const good = (): Result =>
  resultOf([
    testOf('timer', {
      metrics: metrics(),
      trials: [trialOf('timer-0', { metrics: metrics(), overhead: { cpu: 1e6, window: 60e9, share: 0.0000123 } })],
      sla: [{ expression: 'p99 <= 50us', severity: 'fail', observed: 40_000, unit: 'ns', verdict: 'pass' }],
    }),
  ]);

const bad = (): Result =>
  resultOf(
    [
      testOf('broken', {
        metrics: metrics(),
        verdict: 'fail',
        reasons: ['max <= 1ms: observed 1500000 ns', 'thread 1 had a latency of 1500 us, above the 1000 us of break'],
        sla: [
          {
            expression: 'max <= 1ms',
            severity: 'fail',
            observed: 1_500_000,
            unit: 'ns',
            verdict: 'fail',
            reason: 'max <= 1ms is broken',
          },
          {
            expression: 'p99.999 <= 1s',
            severity: 'fail',
            observed: null,
            unit: 'ns',
            verdict: 'no-data',
            reason: 'p99.999 is not supported by the data',
          },
          { expression: 'samples >= 5000', severity: 'warn', observed: 2201, unit: 'count', verdict: 'warn' },
        ],
      }),
      testOf('killed', {
        verdict: 'error',
        fault: 'tool',
        context: 'guest',
        reasons: ['cyclictest was killed by signal SIGKILL', 'its raw output is kept'],
      }),
      testOf('sweep', {
        trials: [
          trialOf('sweep-0', { parameters: { interval: '100us' }, warmUp: true, metrics: metrics() }),
          trialOf('sweep-1', { parameters: { interval: '100us' }, metrics: metrics() }),
          trialOf('sweep-2', { parameters: { interval: '1ms' }, metrics: metrics() }),
        ],
      }),
      testOf('forwarding', {
        metrics: [
          { kind: 'counter', name: 'sent', unit: 'packets', labels: { port: '0' }, value: 1_234_567 },
          { kind: 'gauge', name: 'loss', unit: 'ratio', labels: {}, value: 0.0025 },
        ],
      }),
      testOf('never', { verdict: 'skip', reasons: ["not run: --fail-fast after 'broken'"] }),
    ],
    {
      verdict: 'error',
      exitCode: 6,
      contexts: { guest: { type: 'kvm-guest', on: 'node1', traits: { emulated: true } } },
      provisioned: { node1: ['rt-tests'] },
      environmentChanges: { node1: ['clocksource: tsc -> hpet'] },
      problems: [
        { where: 'host node1', fault: 'teardown', message: 'can not be put back', hint: 'kvm4nfv cleanup --run x' },
      ],
    },
  );

describe('the summary of a run', () => {
  it('shows machine, percentiles, SLAs, a histogram, our share of the CPU and the verdict', () =>
    expectGolden(renderSummary(good()), 'report/summary-good.txt'));

  it('shows what went wrong and what to do, marks what was emulated, and has a row for each trial of a sweep', () =>
    expectGolden(renderSummary(bad()), 'report/summary-bad.txt'));

  it('has no data where no test ran', () =>
    expectGolden(
      renderSummary(resultOf([], { verdict: 'no-data', exitCode: 1, environment: {} })),
      'report/summary-empty.txt',
    ));

  it('is the same in colour but for the colours', () => {
    for (const result of [good(), bad()]) {
      const shown = renderSummary(result, { paint: coloured });
      expect(stripVTControlCharacters(shown)).to.equal(renderSummary(result));
    }
  });
});
