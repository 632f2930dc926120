import { canonical, type Aspect } from './aspect.js';
import type { Outcome } from './batch.js';
import { missingParameters } from './cmdline.js';
import type { Item } from './knob.js';
import type { Machine } from './machine.js';
import { describePlace, readPlace } from './place.js';
import type { Snapshot } from './reading.js';
import { complaint, errnoOf, type Errno } from './refusal.js';

/**
 * `differs` and `needs-reboot` are not effective; `absent` the kernel has no such thing; `unsupported` it refuses, for a known
 * reason. The last two stop nothing, unless the user named the knob and nothing but an excuse of the kernel's is missing.
 */
export const states = ['ok', 'differs', 'needs-reboot', 'unsupported', 'absent'] as const;
export type KnobState = (typeof states)[number];

export interface ItemResult {
  readonly label: string;
  readonly requested: string;
  /** What the kernel shows; undefined where it shows nothing. */
  readonly effective: string | undefined;
  readonly state: KnobState;
  readonly reason?: string;
  /** Known and harmless: not even who named the knob is stopped by it. */
  readonly excused?: boolean;
}

export interface KnobResult {
  readonly knob: string;
  readonly requested: string;
  readonly effective: string;
  readonly state: KnobState;
  readonly reason?: string;
  /** The user named the knob, not only a profile: what the machine can't have of it stops a run. */
  readonly named?: boolean;
  readonly items: readonly ItemResult[];
}

/** Refusals of earlier writes, by path. */
export type Refusals = ReadonlyMap<string, Outcome>;

const shown = (aspect: Aspect, value: string): string => canonical(aspect, value) || 'none';

const compare = (
  item: Extract<Item, { aspect: Aspect }>,
  current: string | undefined,
  where: string,
  refused: Outcome | undefined,
): ItemResult => {
  const requested = shown(item.aspect, item.want);
  if (current === undefined) {
    const absent = { label: item.label, requested, effective: undefined, state: 'absent' } as const;
    return item.kind === 'value' && item.needless !== undefined
      ? { ...absent, reason: item.needless, excused: true }
      : { ...absent, reason: `${where} is not there` };
  }
  const effective = shown(item.aspect, current);
  const base = { label: item.label, requested, effective };
  const now = canonical(item.aspect, current);
  if (now === canonical(item.aspect, item.want) || item.accept?.(now) === true) return { ...base, state: 'ok' };
  if (item.kind === 'value' && item.bootOnly === true)
    return { ...base, state: 'needs-reboot', reason: `${where} is set at boot or when its module is loaded` };
  if (refused === undefined)
    return item.kind === 'value' && item.settled !== undefined
      ? { ...base, state: 'ok', reason: item.settled }
      : { ...base, state: 'differs', reason: `${where} shows ${effective}` };
  return ofRefusal(item, base, where, refused);
};

const isExpected = ({ errors }: { readonly errors: readonly Errno[] }, { said }: Outcome): boolean => {
  const errno = errnoOf(said);
  return errno !== undefined && errors.includes(errno);
};

const ofRefusal = (
  item: Extract<Item, { aspect: Aspect }>,
  base: Pick<ItemResult, 'label' | 'requested' | 'effective'>,
  where: string,
  refused: Outcome,
): ItemResult => {
  const said = complaint(refused.said) || `exit ${String(refused.status)}`;
  if (item.kind !== 'value' || item.mayRefuse === undefined || !isExpected(item.mayRefuse, refused))
    return {
      ...base,
      state: 'differs',
      reason: `${where} shows ${base.effective ?? 'nothing'}; writing ${base.requested} failed: ${said}`,
    };
  const reason = `the kernel refuses (${said}): ${item.mayRefuse.reason}`;
  return item.settled === undefined
    ? { ...base, state: 'unsupported', reason, excused: true }
    : { ...base, state: 'ok', reason: `${reason}; ${item.settled}` };
};

/** By its effect where the kernel shows one, else by whether it stands on the command line. */
const judgeParameter = (
  { label, parameter, shows }: Extract<Item, { kind: 'parameter' }>,
  { cmdline }: Machine,
): ItemResult => {
  const given = missingParameters(cmdline, [parameter]).length === 0;
  const base = { label, requested: parameter };
  if (shows === undefined ? given : shows.effective)
    return { ...base, effective: given ? parameter : (shows?.text ?? parameter), state: 'ok' };
  if (shows !== undefined && given) {
    const { text, reason = `it is given, but the kernel shows ${text}` } = shows;
    return { ...base, effective: text, state: 'differs', reason };
  }
  return { ...base, effective: 'not given', state: 'needs-reboot', reason: `/proc/cmdline lacks ${parameter}` };
};

/** What an item has become, given what the host shows; pure. */
export const judgeItem = (item: Item, now: Snapshot, machine: Machine, refusals: Refusals): ItemResult => {
  switch (item.kind) {
    case 'value':
      return compare(item, now.files.get(item.path), item.path, refusals.get(item.path));
    case 'action':
    case 'check':
      return compare(
        item,
        readPlace(now, item.place),
        describePlace(item.place),
        refusals.get(describePlace(item.place)),
      );
    case 'file': {
      const content = now.texts.get(item.path);
      const ok = content === item.want;
      const name = (text: string | undefined): string => (text === undefined ? 'no file' : 'file');
      const effective = ok ? name(content) : `${name(content)}, other content`;
      return {
        label: item.label,
        requested: name(item.want),
        effective,
        state: ok ? 'ok' : 'differs',
        ...(ok ? {} : { reason: `${item.path} has other content` }),
      };
    }
    case 'directory': {
      const ok = now.names.has(item.path);
      return {
        label: item.label,
        requested: 'there',
        effective: ok ? 'there' : 'none',
        state: ok ? 'ok' : 'differs',
        ...(ok ? {} : { reason: `${item.path} is not there` }),
      };
    }
    case 'parameter':
      return judgeParameter(item, machine);
    case 'lacking': {
      const { label, state, reason, excused } = item;
      return { label, requested: '-', effective: undefined, state, reason, ...(excused === true ? { excused } : {}) };
    }
  }
};

/** `0-1 (22), 3 (1)`: each distinct value with how often it stands. */
const tally = (values: readonly string[]): string => {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  const parts = [...counts].map(([value, count]) =>
    counts.size === 1 || counts.size === values.length ? value : `${value} (${String(count)})`,
  );
  return parts.length > 6 ? `${parts.slice(0, 6).join(', ')}, ...` : parts.join(', ');
};

const reasons = (items: readonly ItemResult[]): string => {
  const texts = items.flatMap(({ label, reason }) => (reason === undefined ? [] : [`${label}: ${reason}`]));
  return texts.length > 8 ? `${texts.slice(0, 8).join('; ')}; and ${String(texts.length - 8)} more` : texts.join('; ');
};

/** What a knob has nothing of on this machine, or can't have; an excuse is no such thing. */
const isMissing = ({ state, excused }: ItemResult): boolean =>
  (state === 'absent' || state === 'unsupported') && excused !== true;

/**
 * A knob's state is that of its worst item (what waits for a reboot explains what differs until then). What the machine
 * can't have counts where nothing else took, and always where the user named the knob; it is told in any case.
 */
export const judgeKnob = (knob: string, items: readonly ItemResult[], named = false): KnobResult => {
  const has = (state: KnobState): boolean => items.some((item) => item.state === state);
  const missing = named && (items.length === 0 || items.some(isMissing));
  const order: readonly KnobState[] = ['needs-reboot', 'differs', ...(missing ? [] : (['ok', 'unsupported'] as const))];
  const state = order.find(has) ?? (missing ? 'unsupported' : 'absent');
  const telling = items.filter((item) => item.state !== 'ok' || item.reason !== undefined);
  const reason = items.length === 0 ? 'this machine has nothing of the sort' : reasons(telling);
  return {
    knob,
    requested: tally(items.map(({ requested }) => requested).filter((text) => text !== '-')) || '-',
    effective: tally(items.map(({ effective }) => effective ?? '-')) || '-',
    state,
    ...(reason === '' ? {} : { reason }),
    ...(named ? { named } : {}),
    items,
  };
};

/** Whether a run may measure with this: what is requested is in effect, or a profile asked for more than the machine has and that is said. */
export const isEffective = ({ state, named, items }: KnobResult): boolean =>
  state !== 'differs' && state !== 'needs-reboot' && !(named === true && (items.length === 0 || items.some(isMissing)));
