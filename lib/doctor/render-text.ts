import { renderCapabilities } from './capabilities.js';
import type { Readiness } from './examine.js';
import { formatCost, severities, type Finding } from './finding.js';
import type { FirmwareSetting } from './firmware.js';
import { hypervisorTitle } from './platform.js';

export const tally = ({ findings }: Readiness): string =>
  severities
    .map((severity) => `${String(findings.filter((finding) => finding.severity === severity).length)} ${severity}`)
    .join(', ');

const purposes = { realtime: 'real-time work', dpdk: 'DPDK' } as const;

/** What was compared, and for what. */
export const comparison = ({ profile, use, isolated }: Readiness): string =>
  `compared with profile ${profile} for ${purposes[use]}${isolated === '' ? '' : ` on CPUs ${isolated}`}`;

export const shownFirmware = ({ firmware, hypervisor }: Readiness): string =>
  `${firmware === '' ? 'not shown' : firmware}${hypervisor === undefined ? '' : `; those of its host count: this machine is a guest of ${hypervisorTitle(hypervisor)}`}`;

/** In a guest only what it shows itself: its firmware is its hypervisor's, and nobody can set what is left. */
export const shownSettings = ({ checklist, hypervisor }: Readiness): readonly FirmwareSetting[] =>
  hypervisor === undefined ? checklist : checklist.filter(({ state }) => state !== 'by-hand');

const lead = ' '.repeat(9);

const renderFinding = ({ check, severity, what, costs, cost, mend, suite }: Finding): string[] => [
  `${severity.toUpperCase().padEnd(8)} ${check}: ${what}`,
  ...(cost === undefined
    ? []
    : [
        `${lead}costs: ${formatCost(cost)}. ${costs}`,
        `${lead}mend:  ${mend}`,
        ...(suite === undefined ? [] : [`${lead}suite: ${suite}`]),
      ]),
];

const marks = { ok: 'ok     ', wrong: 'WRONG  ', 'by-hand': 'by hand' } as const;

/** The profile that mends it. A guest that has guests itself is a host. */
const profileFor = ({ use, hypervisor, capabilities }: Readiness): string => {
  if (use === 'dpdk') return 'cpu-partitioning';
  return hypervisor === undefined || capabilities.kvm ? 'realtime-host' : 'realtime-guest';
};

/** For a terminal: worst first, each with what it costs, how to mend it by hand and what a suite says to have it mended. */
export const renderReadinessText = (readiness: Readiness): string => {
  const { host, kernel, distribution, isolated, capabilities, findings } = readiness;
  return [
    `${host}: kernel ${kernel}${distribution === '' ? '' : `, ${distribution}`}, ${comparison(readiness)}: ${tally(readiness)}`,
    renderCapabilities(capabilities),
    '',
    ...findings.flatMap(renderFinding),
    '',
    `Firmware settings (${shownFirmware(readiness)})`,
    ...shownSettings(readiness).map(
      ({ setting, wanted, state, seen, why }) =>
        `  ${marks[state]}  ${setting}: ${wanted}${seen === undefined ? '' : ` (${seen})`} - ${why}`,
    ),
    '',
    `To see what a tuning would change: kvm4nfv tune plan ${host} --profile ${profileFor(readiness)} --isolated ${isolated === '' ? 'CPUS' : isolated}`,
  ].join('\n');
};
