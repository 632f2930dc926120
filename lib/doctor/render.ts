import { renderCapabilities } from './capabilities.js';
import type { Readiness } from './examine.js';

const tally = ({ findings }: Readiness): string =>
  (['critical', 'major', 'minor', 'info'] as const)
    .map((severity) => `${String(findings.filter((finding) => finding.severity === severity).length)} ${severity}`)
    .join(', ');

const shown = (firmware: string): string => (firmware === '' ? 'not shown' : firmware);

const isGuest = ({ findings }: Readiness): boolean => findings.some(({ check }) => check === 'virtual-machine');

/** For a terminal: worst first, each with what it costs, how to mend it and which knob does it. */
export const renderReadinessText = (readiness: Readiness): string => {
  const { host, kernel, profile, firmware, capabilities, findings, checklist } = readiness;
  const lines = findings.flatMap(({ check, severity, what, costs, mend, knob }) => [
    `${severity.toUpperCase().padEnd(8)} ${check}: ${what}`,
    ...(severity === 'info'
      ? []
      : [
          `         costs: ${costs}`,
          `         mend:  ${mend}`,
          ...(knob === undefined ? [] : [`         knob:  ${knob}`]),
        ]),
  ]);
  const next = `To see what a tuning would change: kvm4nfv tune plan ${host} --profile realtime-host --isolated CPUS`;
  const settings = checklist.map(({ setting, wanted, state, seen, why }) => {
    const mark = { ok: 'ok     ', wrong: 'WRONG  ', 'by-hand': 'by hand' }[state];
    return `  ${mark}  ${setting}: ${wanted}${seen === undefined ? '' : ` (${seen})`} - ${why}`;
  });
  return [
    `${host}: kernel ${kernel}, compared with profile ${profile}: ${tally(readiness)}`,
    renderCapabilities(capabilities),
    '',
    ...lines,
    '',
    `Firmware settings (${shown(firmware)})${isGuest(readiness) ? ', those of its host: this machine is a guest' : ''}`,
    ...settings,
    '',
    next,
  ].join('\n');
};

const cell = (value: string): string => value.replaceAll('|', String.raw`\|`).replaceAll('\n', ' ');
const row = (...cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`;

export const renderReadinessMarkdown = (readiness: Readiness): string => {
  const { host, kernel, profile, firmware, capabilities, findings, checklist } = readiness;
  return [
    `# Readiness of ${host}`,
    '',
    `Kernel ${kernel}, compared with profile \`${profile}\`: ${tally(readiness)}.`,
    '',
    `${renderCapabilities(capabilities)}.`,
    '',
    row('Severity', 'Check', 'What', 'What it costs', 'How to mend it', 'Knob'),
    row('---', '---', '---', '---', '---', '---'),
    ...findings.map(({ severity, check, what, costs, mend, knob }) =>
      row(severity, check, what, costs, mend, knob === undefined ? '' : `\`${knob}\``),
    ),
    '',
    `## Firmware settings (${shown(firmware)})`,
    '',
    row('Setting', 'Wanted', 'State', 'Seen', 'Why'),
    row('---', '---', '---', '---', '---'),
    ...checklist.map(({ setting, wanted, state, seen, why }) => row(setting, wanted, state, seen ?? '', why)),
    '',
  ].join('\n');
};
