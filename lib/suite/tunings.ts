import * as z from 'zod';
import { Kvm4nfvError, messageOf } from '../error.js';
import type { PlannedContext } from '../run/plan.js';
import { Redactor } from '../run/redact.js';
import { knobsByName } from '../tuning/knobs/index.js';
import { profileNames, resolveNamed } from '../tuning/resolve.js';
import type { TuningSpec } from '../tuning/tuning-schema.js';
import { chosenOf, knownCpus, lackingCpus } from './cpus.js';
import { unknownName, unknownReference, type Finding } from './findings.js';
import { below, type Mistakes, type Site } from './mistakes.js';
import { parseWith } from './parse.js';
import type { Places } from './places.js';

/** CPUs that the machine will not have, or of which it would have none left. */
const cpuFindings = (
  context: PlannedContext,
  { isolated_cpus, housekeeping_cpus }: TuningSpec['with'],
): readonly Finding[] => {
  const online = knownCpus(context);
  if (online === undefined) return [];
  const isolated = isolated_cpus === undefined ? undefined : chosenOf(isolated_cpus, online);
  return [
    ...lackingCpus(['with', 'isolated_cpus'], isolated_cpus, context.name, online),
    ...lackingCpus(['with', 'housekeeping_cpus'], housekeeping_cpus, context.name, online),
    ...(isolated?.length === online.length
      ? [
          {
            path: ['with', 'isolated_cpus'],
            code: 'E_CPUS' as const,
            message: `no CPU of context '${context.name}' is left for housekeeping`,
            hint: `it has ${String(online.length)}: give it one more, or isolate one less`,
          },
        ]
      : []),
  ];
};

/** What is wrong with a tuning, each mistake where it is. */
const findingsOf = async (context: PlannedContext | undefined, tuning: TuningSpec): Promise<readonly Finding[]> => {
  const profiles = await profileNames();
  const knobs = knobsByName();
  const findings: Finding[] = [];
  if (!profiles.includes(tuning.profile))
    findings.push(unknownReference(['profile'], 'profile', tuning.profile, profiles));
  for (const [name, value] of Object.entries(tuning.knobs)) {
    const knob = knobs.get(name);
    if (knob === undefined) findings.push(unknownName(['knobs', name], 'knob', name, [...knobs.keys()]));
    else if (value !== 'keep') {
      const parsed = parseWith(z.looseObject({ [name]: knob.value }), { [name]: value });
      if (!parsed.ok)
        findings.push(...parsed.findings.map((finding) => ({ ...finding, path: ['knobs', ...finding.path] })));
    }
  }
  if (context !== undefined) findings.push(...cpuFindings(context, tuning.with));
  if (findings.length > 0) return findings;
  try {
    await resolveNamed(tuning);
    return [];
  } catch (error) {
    const hint = Kvm4nfvError.is(error) && error.hint !== undefined ? { hint: error.hint } : {};
    return [{ path: [], code: 'E_TUNING', message: messageOf(error), ...hint }];
  }
};

/** Profiles, parameters and knobs that there are not, and values that knobs don't take. */
export const checkTunings = async (
  sites: ReadonlyMap<string, Site>,
  { tunings, contexts }: Pick<Places, 'tunings' | 'contexts'>,
  secrets: readonly string[],
  mistakes: Mistakes,
): Promise<void> => {
  const hidden = new Redactor(secrets, { instead: '${env:...}' });
  const hide = (text: string) => hidden.text(text);
  for (const [name, tuning] of tunings) {
    const site = sites.get(name);
    if (site === undefined) continue;
    for (const { message, expected, hint, ...place } of await findingsOf(contexts.get(name), tuning))
      mistakes.add({
        site: below(site, 'tuning'),
        finding: {
          ...place,
          message: hide(message),
          ...(expected === undefined ? {} : { expected: hide(expected) }),
          ...(hint === undefined ? {} : { hint: hide(hint) }),
        },
      });
  }
};
