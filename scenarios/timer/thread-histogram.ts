import { Histogram, Kvm4nfvError } from '../../lib/plugin.js';

/** What a tool says of one thread. All values in ns, as upper edges of its bins. */
export interface ThreadReport {
  /** `cyclictest: thread 0`: begins the message of an error. */
  readonly who: string;
  readonly resolution: number;
  readonly bins: ReadonlyMap<number, number>;
  /** Values that a bin holds: those above `edge - width(edge)`, up to its edge. */
  readonly width: (edge: number) => number;
  /** Samples that the tool counted, those beyond its bins included. */
  readonly count: number;
  /** Undefined: the tool does not know it. */
  readonly min: number | undefined;
  readonly max: number;
  /** No sample beyond the bins is less. */
  readonly overflowFrom: number;
  /** The tool's mean, and by how much its rounding may have changed it. */
  readonly mean?: { readonly value: number; readonly error: number } | undefined;
  /** Whether the tool rounds min and max down, while a bin is named by its end: they lie below it then. Default: false. */
  readonly floors?: boolean;
}

/** The longest latency that is believed: an hour. */
const highest = 3600e9;

export const nonsense = (who: string, what: string): Kvm4nfvError =>
  new Kvm4nfvError('E_TOOL_OUTPUT', `${who}: ${what}`, {
    hint: 'the numbers do not add up, so none is used: look into the raw output',
  });

const inBin = (value: number, edge: number, { width, floors = false }: ThreadReport): boolean => {
  const start = edge - width(edge);
  return floors ? value >= start && value < edge : value > start && value <= edge;
};

const minFits = (report: ThreadReport, first: number | undefined): boolean => {
  // Where a bin has samples there is a minimum.
  if (report.min === undefined) return first === undefined;
  return first === undefined ? report.min >= report.overflowFrom : inBin(report.min, first, report);
};

/** The histogram of one thread. Count, min and max must be the tool's own, or it is an error of the tool: nothing is lost, nothing invented. */
export const threadHistogram = (report: ThreadReport): Histogram => {
  const { who, resolution, bins, count, min, max, overflowFrom, mean } = report;
  const histogram = new Histogram({ resolution });
  const edges = [...bins.keys()].filter((edge) => bins.get(edge) !== 0).sort((a, b) => a - b);
  const binned = edges.reduce((sum, edge) => sum + (bins.get(edge) ?? 0), 0);
  const overflow = count - binned;
  if (overflow < 0) throw nonsense(who, `${String(binned)} samples in its bins, but ${String(count)} in all`);
  if (count === 0) return histogram;
  if (!((min ?? 0) >= 0 && (min ?? 0) <= max && max <= highest))
    throw nonsense(who, `min ${String(min)} ns and max ${String(max)} ns`);
  const [first, last] = [edges[0], edges.at(-1)];
  if (overflow > 0 && max < overflowFrom)
    throw nonsense(who, `${String(overflow)} samples are beyond the bins, but max is ${String(max)} ns`);
  if (overflow === 0 && (last === undefined || !inBin(max, last, report)))
    throw nonsense(who, `max is ${String(max)} ns, but the last bin ends at ${String(last)} ns`);
  if (!minFits(report, first))
    throw nonsense(who, `min is ${String(min)} ns, but the first bin ends at ${String(first ?? overflowFrom)} ns`);

  for (const edge of edges) histogram.record(edge, bins.get(edge));
  const inBins = histogram.sum;
  const [least, most] = [overflow * overflowFrom, overflow * max];
  let sum = most;
  if (mean !== undefined) {
    const slack = mean.error * count;
    sum = mean.value * count - inBins;
    if (!(sum >= least - slack && sum <= most + slack))
      throw nonsense(who, `a mean of ${String(mean.value)} ns does not fit its histogram`);
  }
  histogram.addOverflow(overflow, { above: overflowFrom, max, sum: Math.min(most, Math.max(least, sum)) });
  if (min !== undefined) histogram.setExtremes(min, max);
  return histogram;
};
