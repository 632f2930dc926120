import * as z from 'zod';
import { Kvm4nfvError, messageOf } from '../error.js';
import type { Histogram } from './histogram.js';
import type { Measurement, MetricDeclaration } from './measurement.js';
import { spellings } from './quantity.js';
import type { Unit } from './units.js';

// A plug-in may bring a histogram of another copy of this package.
const histogram = z.custom<Histogram>(
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    'encode' in value &&
    'count' in value &&
    typeof value.count === 'number',
  { error: 'expected a Histogram' },
);
const base = {
  name: z.string().min(1),
  unit: z.enum(Object.keys(spellings) as [Unit, ...Unit[]]),
  labels: z.record(z.string(), z.string()),
};
const mostExact = Number.MAX_SAFE_INTEGER;

const metric = z.discriminatedUnion('kind', [
  z.object({ ...base, kind: z.literal('histogram'), histogram }),
  z.object({
    ...base,
    kind: z.literal('counter'),
    value: z
      .number()
      .min(0, { error: 'a counter is never below 0: did it wrap, or was it reset?' })
      .max(mostExact, { error: `a counter above ${String(mostExact)} is not exact: did it wrap?` }),
  }),
  z.object({ ...base, kind: z.literal('gauge'), value: z.number() }),
]);

/** What a scenario must give back. Intervals are looked at beside it: their histograms are decoded at each use. */
const schema = z.object({
  metrics: z.array(metric),
  duration: z.number().min(0),
  expected: z
    .array(
      z.object({
        metric: z.string(),
        labels: base.labels,
        samples: z.number().min(0).optional(),
        spare: z.number().min(0).optional(),
      }),
    )
    .optional(),
  doubts: z.array(z.string()).optional(),
  intervals: z.array(z.unknown()).optional(),
  breach: z.string().min(1).optional(),
  notes: z.record(z.string(), z.string()).optional(),
});

const misplaced = ({ intervals = [] }: Measurement): string | undefined => {
  const index = intervals.findIndex(({ start, end }) => !(start >= 0 && end >= start && Number.isFinite(end)));
  const { start, end } = intervals[index] ?? {};
  return index < 0 ? undefined : `intervals.${String(index)}: from ${String(start)} ns to ${String(end)} ns`;
};

/** A metric that is another kind of thing than was promised: SLAs were checked against the promise. */
const broken = ({ metrics }: Measurement, declared: readonly MetricDeclaration[]): string | undefined => {
  for (const { name, kind, unit } of metrics) {
    const promise = declared.find((one) => one.name === name);
    if (promise !== undefined && (promise.kind !== kind || promise.unit !== unit))
      return `'${name}' is a ${kind} of ${unit}, and was to be a ${promise.kind} of ${promise.unit}`;
  }
  return undefined;
};

const mistakeIn = (measurement: Measurement, declared: readonly MetricDeclaration[]): string | undefined => {
  const { success, error } = schema.safeParse(measurement);
  if (success) return misplaced(measurement) ?? broken(measurement, declared);
  const [issue] = error.issues;
  const place = issue?.path.map(String).join('.') ?? '';
  return `${place === '' ? '' : `${place}: `}${issue?.message ?? messageOf(error)}`;
};

/**
 * Throws where what the scenario `who` gave back is no measurement. Nobody compiles plug-ins against our types: a value that is no number would
 * meet no limit and fail none, and could not be written down.
 */
export const requireSound = (who: string, measurement: Measurement, declared: readonly MetricDeclaration[]): void => {
  const mistake = mistakeIn(measurement, declared);
  if (mistake === undefined) return;
  throw new Kvm4nfvError('E_MEASUREMENT', `scenario '${who}' gave back no measurement: ${mistake}`, {
    hint: 'tell its author; what it must give back is Measurement of kvm4nfv/plugin',
  });
};
