import type { Expectation, Labels, Measurement, Metric } from './measurement.js';

/** What of the samples that were asked for must be there. Window and first sample do not begin at the same time, whence two may always be missing. */
const enough = 0.98;
const always = 2;

/** The least samples that count as all of `samples`. `spare`: see {@link Expectation}. */
export const leastOf = (samples: number, spare = 0): number =>
  Math.min(samples * enough, samples - Math.max(always, spare));

/** ` (thread 1, cpu 3)`; empty without labels. */
export const describeLabels = (labels: Labels): string =>
  Object.keys(labels).length === 0
    ? ''
    : ` (${Object.entries(labels)
        .map((pair) => pair.join(' '))
        .join(', ')})`;

const fits = (metric: Metric, { metric: name, labels }: Expectation): boolean =>
  metric.name === name && Object.entries(labels).every(([label, value]) => metric.labels[label] === value);

const amountOf = (metric: Metric): number => (metric.kind === 'histogram' ? metric.histogram.count : metric.value);

const shortfall = (metrics: readonly Metric[], expected: Expectation): string | undefined => {
  const who = `${expected.metric}${describeLabels(expected.labels)}`;
  const found = metrics.filter((metric) => fits(metric, expected));
  if (found.length === 0) return `${who} was asked for and not measured`;
  if (expected.samples === undefined) return undefined;
  const count = found.reduce((sum, metric) => sum + amountOf(metric), 0);
  // That there is none at all is said of every histogram.
  if (count >= leastOf(expected.samples, expected.spare) || (count === 0 && found[0]?.kind === 'histogram'))
    return undefined;
  return `${who} has ${String(count)} of ${String(expected.samples)} ${found[0]?.kind === 'histogram' ? 'samples' : (found[0]?.unit ?? '')}`;
};

/** What was asked for and is missing in what came back; nothing where a breach of a limit ended the trial. */
export const shortfalls = ({ metrics, expected = [], breach }: Measurement): readonly string[] =>
  breach === undefined ? expected.map((one) => shortfall(metrics, one)).filter((missing) => missing !== undefined) : [];
