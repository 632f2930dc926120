import * as z from 'zod';
import { groups, type Group, type KnobDefinition } from './knob.js';
import { builtinKnobs } from './knobs/index.js';

const titles: Readonly<Record<Group, string>> = {
  platform: 'Platform configuration',
  'operating-system': 'Operating system configuration',
  performance: 'Performance and latency tuning',
};

const valueOf = (knob: KnobDefinition): string => {
  const schema = Object.entries(z.toJSONSchema(knob.value, { io: 'input', unrepresentable: 'any' })).filter(
    ([key]) => key !== '$schema',
  );
  return JSON.stringify(Object.fromEntries(schema));
};

const section = (knob: KnobDefinition): string =>
  [
    `### \`${knob.name}\``,
    '',
    knob.summary,
    '',
    `- **Why:** ${knob.why}`,
    `- **What it costs when wrong:** ${knob.costs}`,
    `- **By hand:** ${knob.mend}`,
    `- **Takes effect:** ${knob.needsReboot === true ? 'with the next boot' : 'at once'}`,
    `- **Source:** ${knob.source}`,
    `- **Value:** \`${valueOf(knob)}\``,
    '',
  ].join('\n');

/** Markdown: every knob by group, from its definition. */
export const knobDocs = (knobs: readonly KnobDefinition[] = builtinKnobs): string =>
  [
    '# Knobs',
    '',
    ...groups.flatMap((group) => [
      `## ${titles[group]}`,
      '',
      ...knobs.filter((knob) => knob.group === group).map(section),
    ]),
  ].join('\n');
