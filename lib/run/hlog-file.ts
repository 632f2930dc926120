import { formatHlog, type HlogEntry } from '../measure/hlog.js';
import type { Labels, Measurement } from '../measure/measurement.js';
import type { RunStore } from './store.js';

const tagOf = (metric: string, labels: Labels, shown: (label: string) => string): string =>
  [metric, ...Object.entries(labels).map(([key, value]) => `${key}=${shown(value)}`)].join(';');

/** The lines of a histogram log of times that one trial gives: its intervals where the tool streamed, else each histogram as one interval. `shown` is a label's value as it may be shown. */
export const hlogEntries = (
  measurement: Measurement,
  offset: number,
  shown: (label: string) => string = (label) => label,
): HlogEntry[] => {
  const { intervals = [], metrics, duration } = measurement;
  const times = metrics.filter((metric) => metric.kind === 'histogram').filter(({ unit }) => unit === 'ns');
  if (intervals.length > 0)
    return intervals
      .filter(({ metric }) => times.some(({ name }) => name === metric))
      .map((interval) => ({
        tag: tagOf(interval.metric, interval.labels, shown),
        start: offset + interval.start,
        end: offset + interval.end,
        // Not read before it is written: it may be decoded then.
        get histogram() {
          return interval.histogram;
        },
      }));
  return times.map(({ name, labels, histogram }) => ({
    tag: tagOf(name, labels, shown),
    start: offset,
    end: offset + duration,
    histogram,
  }));
};

const header = (startedAt: Date): string => [...formatHlog(startedAt, [])].join('');

/** Appends a trial to a test's histogram log; `first` begins it. One trial's histograms are in memory at a time. */
export const appendHlog = async (
  store: RunStore,
  name: string,
  startedAt: Date,
  entries: readonly HlogEntry[],
  first: boolean,
): Promise<void> => {
  if (entries.length === 0) return;
  const text = [...formatHlog(startedAt, entries)].join('');
  await store.appendText(name, first ? text : text.slice(header(startedAt).length));
};
