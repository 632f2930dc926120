import { stringify } from 'yaml';
import { noIsolated } from '../tuning/knobs/common.js';
import type { KnobResult } from '../tuning/judge.js';
import type { ResolvedKnob } from '../tuning/profile.js';
import { costOf, wordsOf } from './costs/here.js';
import { bootLine } from './distribution.js';
import { findingOf, type Finding } from './finding.js';
import type { Seen } from './seen.js';

/** What differs, as long as it can be said in a few words; else all of it, counted. */
const differing = ({ items, effective, requested }: KnobResult): string => {
  const booted = items.filter((item) => item.state === 'needs-reboot' && item.effective === 'not given');
  if (booted.length > 0) return `booted without ${booted.map((item) => item.requested).join(' ')}`;
  const wrong = items.filter((item) => item.state === 'differs' || item.state === 'needs-reboot');
  if (items.length === 1 || wrong.length > 3) return `is ${effective}, should be ${requested}`;
  const value = (label: string, text = 'not there'): string =>
    text.startsWith(`${label} `) ? text.slice(label.length + 1) : text;
  return wrong
    .map(
      ({ label, effective: now, requested: want }) =>
        `${label} is ${value(label, now)}, should be ${value(label, want)}`,
    )
    .join('; ');
};

/** As a suite writes it under `tuning:`, in one line. */
export const suiteLine = (knob: string, written: unknown): string =>
  stringify({ knobs: { [knob]: written } }, { collectionStyle: 'flow', lineWidth: 0, flowCollectionPadding: true })
    .trim()
    .replace(/^\{ knobs: /, 'knobs: ')
    .replace(/ \}$/, '');

const mendOf = ({ knob }: ResolvedKnob, { items }: KnobResult, { distribution }: Seen): string => {
  const parameters = items
    .filter((item) => item.state === 'needs-reboot' && item.effective === 'not given')
    .map((item) => item.requested);
  return parameters.length === 0 ? knob.mend : bootLine(parameters, distribution);
};

const ofKnob = (resolved: ResolvedKnob, result: KnobResult, seen: Seen): Finding | undefined => {
  const { knob, written } = resolved;
  const { state, reason } = result;
  if (state === 'ok') return undefined;
  const lacks = state === 'absent' || state === 'unsupported';
  // A kernel without it has the tick, whatever it is booted with.
  const costs = !lacks || (knob.name === 'nohz-full' && state === 'absent');
  const cost = costs ? costOf(knob, seen) : undefined;
  if (costs && cost === undefined) return undefined;
  return findingOf({
    check: knob.name,
    what: `${lacks ? (reason ?? state) : (wordsOf(knob.name, seen) ?? differing(result))} (${knob.summary.replace(/\.$/, '')})`,
    costs: knob.costs,
    ...(cost === undefined ? {} : { cost }),
    mend: lacks ? knob.mend : mendOf(resolved, result, seen),
    knob: knob.name,
    suite: suiteLine(knob.name, written),
  });
};

/** One line for all knobs that say nothing of their own. */
const together = (
  results: readonly KnobResult[],
  which: (result: KnobResult) => boolean,
  told: Pick<Finding, 'check' | 'what' | 'costs' | 'mend'>,
): Finding[] => {
  const names = results.filter(which).map(({ knob }) => knob);
  return names.length === 0 ? [] : [findingOf({ ...told, what: `${told.what}: ${names.join(', ')}` })];
};

/** Of these it matters that a kernel lacks them: what they would keep away is there all the same. */
const missed: readonly string[] = ['fair-server', 'nohz-full', 'rcu-nocbs', 'clocksource'];

/** There is nothing to set, and nothing else to say of it. */
const isNowhere = ({ knob, state }: KnobResult): boolean => state === 'absent' && !missed.includes(knob);
const wantsIsolated = ({ items }: KnobResult): boolean =>
  items.length > 0 && items.every((item) => item.reason === noIsolated);

const summaries = (results: readonly KnobResult[], { platform }: Seen): Finding[] => [
  ...together(results, wantsIsolated, {
    check: 'isolated-cpus',
    what: 'no CPUs are named for real-time work (--isolated) and the kernel isolates none, so these knobs were not compared',
    costs: 'None; what they would do is not known.',
    mend: 'Name them: kvm4nfv doctor --isolated 2-5',
  }),
  ...together(results, isNowhere, {
    check: 'not-here',
    what: 'this machine has nothing for these knobs to set',
    costs: 'None.',
    mend: platform.hypervisor === undefined ? 'Nothing to do.' : 'Nothing to do here; they belong to its host.',
  }),
];

/** What the knobs of a tuning have to say, but for those of which something better is said. */
export const knobFindings = (
  knobs: readonly ResolvedKnob[],
  results: readonly KnobResult[],
  silenced: ReadonlySet<string>,
  seen: Seen,
): Finding[] => {
  const byName = new Map(knobs.map((resolved) => [resolved.knob.name, resolved]));
  return [
    ...summaries(
      results.filter(({ knob }) => !silenced.has(knob)),
      seen,
    ),
    ...results.flatMap((result) => {
      const resolved = byName.get(result.knob);
      if (resolved === undefined || silenced.has(result.knob) || isNowhere(result) || wantsIsolated(result)) return [];
      return ofKnob(resolved, result, seen) ?? [];
    }),
  ];
};
