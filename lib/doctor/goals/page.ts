import { groups, type KnobDefinition } from '../../tuning/knob.js';
import { builtinKnobs } from '../../tuning/knobs/index.js';
import { loadProfiles, allKnobs, lineage } from '../../tuning/profile.js';
import { firmwareSettings } from '../firmware.js';
import { suiteLine } from '../knob-findings.js';
import { goals, type Goal, type GoalName } from './figures.js';
import { areas, tests, type Requirement } from './requirements.js';

const cell = (text: string): string => text.replaceAll('|', String.raw`\|`);
const row = (...cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`;
const code = (text: string): string => `\`${text}\``;

const goalRow = ({ what, figure, sla, source }: Goal): string =>
  row(what, figure, sla === undefined ? '' : code(`sla: [${sla.map((limit) => `'${limit}'`).join(', ')}]`), source);

/** Within a sentence; `NIC` stays. */
const within = (text: string): string =>
  /^[A-Z][a-z]/.test(text) ? `${text.charAt(0).toLowerCase()}${text.slice(1)}` : text;

const figuresOf = (names: readonly GoalName[]): string =>
  names.map((name) => `${within(goals[name].what)}: ${goals[name].figure}`).join('; ');

interface Sources {
  readonly knobs: ReadonlyMap<string, KnobDefinition>;
  /** What the profiles for hosts set, by knob. */
  readonly values: ReadonlyMap<string, readonly { readonly profile: string; readonly value: unknown }[]>;
}

const knobLines = (name: string, { knobs, values }: Sources): string[] => {
  const knob = knobs.get(name);
  if (knob === undefined) throw new Error(`no knob '${name}'`);
  const set = (values.get(name) ?? []).map(({ profile, value }) => `${profile} ${code(suiteLine(name, value))}`);
  return [
    `- ${code(name)}: ${knob.summary}`,
    `  - What it costs when it is wrong: ${knob.costs}`,
    `  - By a profile: ${set.length === 0 ? 'none sets it' : set.join('; ')}.`,
    `  - By hand: ${knob.mend}`,
  ];
};

const requirementLines = (
  { title, knobs, firmware = [], also, goals: names }: Requirement,
  sources: Sources,
): string[] => {
  const settings = firmware.map((name) => {
    const setting = firmwareSettings.find((candidate) => candidate.setting === name);
    if (setting === undefined) throw new Error(`no firmware setting '${name}'`);
    return `- Firmware, ${name}: ${setting.wanted} (${setting.why}).`;
  });
  return [
    `### ${title}`,
    '',
    `Goal: ${figuresOf(names)}.`,
    '',
    ...settings,
    ...knobs.flatMap((name) => knobLines(name, sources)),
    ...(also === undefined ? [] : ['', also]),
    '',
  ];
};

const beyond = (sources: Sources): string[] => {
  const told = new Set(areas.flatMap(({ requirements }) => requirements.flatMap(({ knobs }) => knobs)));
  const rest = [...sources.knobs.values()].filter(({ name }) => !told.has(name));
  return [
    '## Beyond the requirements',
    '',
    ...groups.flatMap((group) =>
      rest.filter((knob) => knob.group === group).map(({ name, summary }) => `- ${code(name)} (${group}): ${summary}`),
    ),
    '',
  ];
};

const profilesShown = ['realtime-host', 'cpu-partitioning', 'kvm4nfv'] as const;

const sourcesOf = async (): Promise<Sources> => {
  const profiles = await loadProfiles();
  const values = new Map<string, { profile: string; value: unknown }[]>();
  for (const profile of profilesShown)
    for (const [knob, { value }] of allKnobs(lineage(profile, profiles)))
      values.set(knob, [...(values.get(knob) ?? []), { profile, value }]);
  return { knobs: new Map(builtinKnobs.map((knob) => [knob.name, knob])), values };
};

/**
 * Markdown: the performance goals, how a machine is configured to reach them, item by item of the KVM4NFV requirements,
 * and what measures them. `scenarios` are the names of those that there are.
 */
export const goalsPage = async (scenarios: ReadonlySet<string>): Promise<string> => {
  const sources = await sourcesOf();
  return [
    '# Goals, and how to reach them',
    '',
    'What the KVM4NFV requirements ask for: a list of performance goals, instructions for the configuration of platform,',
    'operating system and performance, and tools to measure. Printed by `kvm4nfv docs goals`, out of the same definitions that',
    '`kvm4nfv tune` applies and `kvm4nfv doctor` compares; `npx tsx scripts/goals.ts` writes the page.',
    '',
    '## Performance goals',
    '',
    row('Goal', 'Figure', 'In a suite', 'Source'),
    row('---', '---', '---', '---'),
    ...Object.values(goals).map(goalRow),
    '',
    '`kvm4nfv tune apply HOST --profile realtime-host --isolated 2-5 --reboot` does all that a profile can do below;',
    '`kvm4nfv doctor HOST` says what is left.',
    '',
    ...areas.flatMap(({ title, requirements }) => [
      `## ${title}`,
      '',
      ...requirements.flatMap((requirement) => requirementLines(requirement, sources)),
    ]),
    '## Tests',
    '',
    row('Test', 'Scenario', 'Goals'),
    row('---', '---', '---'),
    ...tests.map(({ title, scenario, goals: names }) =>
      row(title, scenarios.has(scenario) ? code(scenario) : 'not in this version', figuresOf(names)),
    ),
    '',
    ...beyond(sources),
  ]
    .join('\n')
    .trimEnd()
    .concat('\n');
};
