/** What a machine is to do: its threads sleep until a timer or an interrupt (`realtime`), or poll and never sleep (`dpdk`). */
export const uses = ['realtime', 'dpdk'] as const;
export type Use = (typeof uses)[number];

/** `critical`: a millisecond and more, or nothing can be measured; `major`: 10 us and more; `minor`: less; `info`: it costs nothing. */
export const severities = ['critical', 'major', 'minor', 'info'] as const;
export type Severity = (typeof severities)[number];

/** Time that is taken from a measured thread, or added to what it waits for, each time it happens. */
export interface Cost {
  /** Nanoseconds, where it goes well. */
  readonly least: number;
  /** Nanoseconds at worst. Findings are ordered by it. */
  readonly most: number;
  /** Where the figures come from. What starts with `estimated` nobody has published: it is the order of magnitude only. */
  readonly source: string;
}

export interface Finding {
  /** The knob's name, or that of a check beyond knobs. */
  readonly check: string;
  readonly severity: Severity;
  readonly what: string;
  /** What it costs, in words. */
  readonly costs: string;
  /** The same as figures. Absent: it costs no time. */
  readonly cost?: Cost;
  readonly mend: string;
  /** The knob that mends it. */
  readonly knob?: string;
  /** What a suite's `tuning` says to have it mended: `knobs: { stat-interval: 10 }`. */
  readonly suite?: string;
}

/** Microseconds as the nanoseconds of a {@link Cost}. */
export const microseconds = (least: number, most: number, source: string): Cost => ({
  least: least * 1000,
  most: most * 1000,
  source,
});

export const severityOf = (cost: Cost | undefined): Severity => {
  if (cost === undefined || cost.most === 0) return 'info';
  if (cost.most >= 1_000_000) return 'critical';
  return cost.most >= 10_000 ? 'major' : 'minor';
};

type Told = Omit<Finding, 'severity'>;

export const findingOf = (told: Told): Finding => ({ ...told, severity: severityOf(told.cost) });

/** Worst first: by what they cost here, at worst and then at least; what costs nothing is last and keeps its order. */
export const byCost = (findings: readonly Finding[]): Finding[] =>
  [...findings].sort(
    (a, b) => (b.cost?.most ?? 0) - (a.cost?.most ?? 0) || (b.cost?.least ?? 0) - (a.cost?.least ?? 0),
  );

const scales = [
  { factor: 1_000_000, unit: 'ms' },
  { factor: 1000, unit: 'us' },
  { factor: 1, unit: 'ns' },
] as const;

const timeOf = (nanoseconds: number): string => {
  const { factor, unit } = scales.find((scale) => nanoseconds >= scale.factor) ?? { factor: 1, unit: 'ns' };
  return `${String(Math.round((nanoseconds / factor) * 10) / 10)} ${unit}`;
};

/** `50 us to 1 ms`, `133 us`. */
export const formatCost = ({ least, most }: Cost): string =>
  least === most ? timeOf(most) : `${timeOf(least)} to ${timeOf(most)}`;
