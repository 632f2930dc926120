import type { HostFacts } from '../host/facts.js';
import { decodeHistogram } from '../run/encode.js';
import type { Result, ResultTest, SlaOutcome } from '../run/result.js';
import { renderBars } from './bars.js';
import { formatExactly } from './format.js';
import { measuredBy, measuredCells, measuredColumns } from './measured-rows.js';
import { plain, verdictStyle, type Paint } from './paint.js';
import { renderTable, type Cell } from './table.js';

export interface SummaryOptions {
  /** Default: no colour. */
  readonly paint?: Paint;
}

const contextLabel = (result: Result, context: string): string =>
  result.contexts[context]?.traits['emulated'] === true ? `${context} (emulated)` : context;

const table = (result: Result, paint: Paint): string => {
  const tests = result.tests.map((test) => ({ test, rows: measuredBy(test) }));
  const columns = measuredColumns(tests.flatMap(({ rows }) => rows));
  const lines = tests.flatMap(({ test, rows }) =>
    rows.map((row, index): Cell[] => {
      const { verdict } = test;
      const judged = {
        text: index === 0 ? verdict : '',
        shown: index === 0 ? paint(verdictStyle[verdict], verdict) : '',
      };
      return [{ text: row.name }, { text: contextLabel(result, test.context) }, ...measuredCells(row, columns), judged];
    }),
  );
  return renderTable([{ title: 'test' }, { title: 'context' }, ...columns, { title: 'verdict' }], lines);
};

/** Counters and gauges with labels; without they have their row in the table. */
const valueLines = (test: ResultTest): string[] =>
  test.metrics
    .filter((metric) => metric.kind !== 'histogram')
    .filter(({ labels }) => Object.keys(labels).length > 0)
    .map(({ name, labels, unit, value, values = [value] }) => {
      const said = Object.entries(labels).map(([key, label]) => ` ${key}=${label}`);
      return `  ${name}${said.join('')}: ${formatExactly({ low: Math.min(...values), high: Math.max(...values) }, unit)}`;
    });

const seenOf = ({ observed, bounds, unit, reason, trial }: SlaOutcome): string => {
  const where = trial === undefined ? '' : ` in ${trial}`;
  if (observed === null) return `${reason ?? 'no data'}${where}`;
  const value = `observed ${formatExactly(bounds ?? { low: observed, high: observed }, unit)}${where}`;
  // The reason tells why the worse end of what is only bounded counts.
  return bounds === undefined || reason === undefined ? value : `${reason}${where}`;
};

const slaLine = (outcome: SlaOutcome, paint: Paint): string => {
  const { expression, verdict } = outcome;
  return `  ${paint(verdictStyle[verdict], verdict.padEnd(7))}  ${expression}  (${seenOf(outcome)})`;
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

const drawings = (result: Result): string[] =>
  result.tests
    .flatMap((test) => measuredBy(test).slice(0, 1))
    .flatMap(({ name, metric }) =>
      metric === undefined || !('histogram' in metric) || metric.count === 0 ? [] : [{ name, metric }],
    )
    // A screen or two, not a flood: the files of the run have them all.
    .slice(0, 4)
    .map(
      ({ name, metric }) =>
        `${metric.name} of ${name}, ${metric.unit === 'ns' ? 'samples' : `samples in ${metric.unit}`} by range (bars are logarithmic)\n${renderBars(decodeHistogram(metric), 40, metric.unit)}`,
    );

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
