import type { HostFacts } from '../host/facts.js';
import { decodeHistogram } from '../run/encode.js';
import type { HistogramMetric, Result, ResultMetric, ResultTest, SlaOutcome } from '../run/result.js';
import { renderBars } from './bars.js';
import { formatCount, formatTime, formatValue } from './format.js';
import { plain, verdictStyle, type Paint } from './paint.js';
import { renderTable, type Cell, type Column } from './table.js';

export interface SummaryOptions {
  /** Default: no colour. */
  readonly paint?: Paint;
}

const shownPercentiles = ['50', '99', '99.9', '99.99', '99.999'] as const;

const columns: readonly Column[] = [
  { title: 'test' },
  { title: 'context' },
  { title: 'metric' },
  { title: 'count', align: 'right' },
  { title: 'min', align: 'right' },
  ...shownPercentiles.map((p): Column => ({ title: `p${p}`, align: 'right' })),
  { title: 'max', align: 'right' },
  { title: 'verdict' },
];

const time = (value: number | null | undefined): Cell => ({
  text: value === null || value === undefined ? '-' : formatTime(value),
});

/** Of a sample beyond the tool's bins it is only known that it was. */
const percentile = ({ percentiles, overflow }: HistogramMetric, name: string): Cell => {
  const value = percentiles[name];
  const beyond = overflow.find(({ max }) => max === value);
  return beyond === undefined ? time(value) : { text: `>${formatTime(beyond.above)}` };
};

const overall = (metrics: readonly ResultMetric[]): HistogramMetric[] =>
  metrics.filter(
    (metric): metric is HistogramMetric => metric.kind === 'histogram' && Object.keys(metric.labels).length === 0,
  );

interface Row {
  readonly name: string;
  readonly metric: HistogramMetric | undefined;
}

/** One row a histogram; of a sweep, whose trials can't be merged, one a trial. */
const rowsOf = (test: ResultTest): Row[] => {
  const merged = overall(test.metrics).map((metric) => ({ name: test.name, metric }));
  if (merged.length > 0) return merged;
  const each = test.trials
    .filter(({ warmUp }) => !warmUp)
    .flatMap(({ parameters, metrics }) => {
      const values = Object.entries(parameters).map(([key, value]) => `${key}=${String(value)}`);
      return overall(metrics).map((metric) => ({ name: [test.name, ...values].join(' '), metric }));
    });
  return each.length > 0 ? each : [{ name: test.name, metric: undefined }];
};

const contextLabel = (result: Result, context: string): string =>
  result.contexts[context]?.traits['emulated'] === true ? `${context} (emulated)` : context;

const table = (result: Result, paint: Paint): string => {
  const rows = result.tests.flatMap((test) =>
    rowsOf(test).map(({ name, metric }, index): Cell[] => {
      const { verdict } = test;
      const judged = {
        text: index === 0 ? verdict : '',
        shown: index === 0 ? paint(verdictStyle[verdict], verdict) : '',
      };
      return [
        { text: name },
        { text: contextLabel(result, test.context) },
        { text: metric?.name ?? '-' },
        { text: metric === undefined ? '-' : formatCount(metric.count) },
        time(metric?.min),
        ...shownPercentiles.map((p) => (metric === undefined ? time(undefined) : percentile(metric, p))),
        time(metric?.max),
        judged,
      ];
    }),
  );
  return renderTable(columns, rows);
};

const valueLines = (test: ResultTest): string[] =>
  test.metrics
    .filter((metric) => metric.kind !== 'histogram')
    .map((metric) => {
      const labels = Object.entries(metric.labels).map(([key, value]) => ` ${key}=${value}`);
      return `  ${metric.name}${labels.join('')}: ${formatValue(metric.value, metric.unit)}`;
    });

const slaLine = ({ expression, observed, unit, verdict, reason }: SlaOutcome, paint: Paint): string => {
  const seen = observed === null ? (reason ?? 'no data') : `observed ${formatValue(observed, unit)}`;
  return `  ${paint(verdictStyle[verdict], verdict.padEnd(7))}  ${expression}  (${seen})`;
};

const details = (test: ResultTest, paint: Paint): string[] => {
  // What an SLA observed has its own line.
  const reasons = test.reasons.filter(
    (reason) => !test.sla.some(({ expression }) => reason.startsWith(`${expression}: `)),
  );
  // The verdict stands at what explains it; a hint below a reason has none of its own.
  const explained = test.sla.some(({ verdict }) => verdict === test.verdict);
  const label = paint(verdictStyle[test.verdict], test.verdict.padEnd(7));
  const why = reasons.map((reason, index) => `  ${index === 0 && !explained ? label : ' '.repeat(7)}  ${reason}`);
  const lines = [...test.sla.map((outcome) => slaLine(outcome, paint)), ...why, ...valueLines(test)];
  return lines.length === 0 ? [] : [paint('bold', test.name), ...lines];
};

const hostLine = (name: string, facts: HostFacts): string => {
  const { cpu, topology, kernel, virtualisation } = facts;
  const rt = kernel.realtime ? 'PREEMPT_RT' : 'not PREEMPT_RT';
  const virtual = virtualisation.type === 'none' ? '' : `, virtual machine (${virtualisation.type})`;
  return `${name}: ${cpu.model ?? facts.machine}, ${String(topology.online.length)} CPUs, Linux ${kernel.release} (${rt})${virtual}`;
};

const drawings = (result: Result): string[] => {
  const first = result.tests
    .flatMap((test) => rowsOf(test).slice(0, 1))
    .filter(({ metric }) => (metric?.count ?? 0) > 0);
  // A screen or two, not a flood: the files of the run have them all.
  return first
    .slice(0, 4)
    .map(({ name, metric }) =>
      metric === undefined
        ? ''
        : `${metric.name} of ${name}, samples by range (bars are logarithmic)\n${renderBars(decodeHistogram(metric))}`,
    );
};

const tuningLines = (result: Result): string[] =>
  Object.entries(result.contexts).flatMap(([name, { tuning }]) => {
    if (tuning === undefined) return [];
    const states = [...new Set(tuning.knobs.map(({ state }) => state))];
    const counts = states.map(
      (state) => `${String(tuning.knobs.filter((knob) => knob.state === state).length)} ${state}`,
    );
    return [`tuning of ${name} (${tuning.profile}): ${counts.join(', ')}`];
  });

const overheadLine = (result: Result): string[] => {
  const shares = result.tests
    .flatMap(({ trials }) => trials)
    .map(({ overhead }) => overhead?.share)
    .filter((share) => share !== undefined);
  return shares.length === 0
    ? []
    : [
        `our own processes used at most ${(Math.max(...shares) * 100).toFixed(3)} % of one CPU of a measured machine during a window`,
      ];
};

const emulated = (result: Result): string[] => {
  const names = Object.entries(result.contexts)
    .filter(([, { traits }]) => traits['emulated'] === true)
    .map(([name]) => name);
  return names.length === 0
    ? []
    : [`EMULATED: ${names.join(', ')} ran without KVM. Latencies measured there say nothing about real hardware.`];
};

/** The result as text for a terminal: machines, table of percentiles, SLAs with what was observed, a histogram, the verdict. */
export const renderSummary = (result: Result, { paint = plain }: SummaryOptions = {}): string => {
  const machines = [
    ...Object.entries(result.environment).map(([name, facts]) => hostLine(name, facts)),
    ...Object.entries(result.contexts).flatMap(([name, { facts }]) =>
      facts === undefined ? [] : [hostLine(name, facts)],
    ),
  ];
  const changes = Object.entries(result.environmentChanges).flatMap(([host, list]) =>
    list.map((change) => `${host} changed meanwhile: ${change}`),
  );
  const installed = Object.entries(result.provisioned).map(
    ([host, packages]) => `installed on ${host}: ${packages.join(', ')}`,
  );
  const problems = result.problems.map(
    ({ where, message, hint }) =>
      `${paint('red', 'problem')}  ${where}: ${message}${hint === undefined ? '' : `\n         ${hint}`}`,
  );
  const sections = [
    [...machines, ...tuningLines(result), ...installed].join('\n'),
    emulated(result)
      .map((line) => paint(['bold', 'yellow'], line))
      .join('\n'),
    table(result, paint),
    result.tests.flatMap((test) => details(test, paint)).join('\n'),
    ...drawings(result),
    [...changes, ...overheadLine(result)].join('\n'),
    problems.join('\n'),
    `${paint('bold', result.suite.name)}: ${paint(['bold', verdictStyle[result.verdict]].flat() as Parameters<Paint>[0], result.verdict)}`,
  ];
  return `${sections.filter((section) => section !== '').join('\n\n')}\n`;
};
