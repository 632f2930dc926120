import { renderCapabilities } from './capabilities.js';
import type { Readiness } from './examine.js';
import { formatCost } from './finding.js';
import { comparison, shownFirmware, shownSettings, tally } from './render-text.js';

const cell = (value: string): string => value.replaceAll('|', String.raw`\|`).replaceAll('\n', ' ');
const row = (...cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`;
const code = (text: string | undefined): string => (text === undefined ? '' : `\`${text}\``);

/** The same as tables, with the sources of the figures. */
export const renderReadinessMarkdown = (readiness: Readiness): string => {
  const { host, kernel, distribution, capabilities, findings } = readiness;
  return [
    `# Readiness of ${host}`,
    '',
    `Kernel ${kernel}${distribution === '' ? '' : `, ${distribution}`}, ${comparison(readiness)}: ${tally(readiness)}.`,
    '',
    `${renderCapabilities(capabilities)}.`,
    '',
    row(
      'Severity',
      'Check',
      'What',
      'What it costs',
      'How much',
      'How to mend it',
      'In a suite',
      'Source of the figures',
    ),
    row('---', '---', '---', '---', '---', '---', '---', '---'),
    ...findings.map(({ severity, check, what, costs, cost, mend, suite }) =>
      row(
        severity,
        check,
        what,
        costs,
        cost === undefined ? '' : formatCost(cost),
        mend,
        code(suite),
        cost?.source ?? '',
      ),
    ),
    '',
    `## Firmware settings (${shownFirmware(readiness)})`,
    '',
    row('Setting', 'Wanted', 'State', 'Seen', 'Why'),
    row('---', '---', '---', '---', '---'),
    ...shownSettings(readiness).map(({ setting, wanted, state, seen, why }) =>
      row(setting, wanted, state, seen ?? '', why),
    ),
    '',
  ].join('\n');
};
