import { canonical, type Aspect } from './aspect.js';
import type { Outcome } from './batch.js';
import { missingParameters } from './cmdline.js';
import type { Item } from './knob.js';
import type { Machine } from './machine.js';
import { describePlace, readPlace } from './place.js';
import type { Snapshot } from './reading.js';

/** `differs` and `needs-reboot` are not effective; `absent` the kernel has no such thing; `unsupported` it refuses, for a known reason. */
export const states = ['ok', 'differs', 'needs-reboot', 'unsupported', 'absent'] as const;
export type KnobState = (typeof states)[number];

export interface ItemResult {
  readonly label: string;
  readonly requested: string;
  /** What the kernel shows; undefined where it shows nothing. */
  readonly effective: string | undefined;
  readonly state: KnobState;
  readonly reason?: string;
}

export interface KnobResult {
  readonly knob: string;
  readonly requested: string;
  readonly effective: string;
  readonly state: KnobState;
  readonly reason?: string;
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
  if (current === undefined)
    return { label: item.label, requested, effective: undefined, state: 'absent', reason: `${where} is not there` };
  const effective = shown(item.aspect, current);
  const base = { label: item.label, requested, effective };
  const now = canonical(item.aspect, current);
  if (now === canonical(item.aspect, item.want) || item.accept?.(now) === true) return { ...base, state: 'ok' };
  if (item.kind === 'value' && item.bootOnly === true)
    return { ...base, state: 'needs-reboot', reason: `${where} is set at boot or when its module is loaded` };
  if (refused === undefined) return { ...base, state: 'differs', reason: `${where} shows ${effective}` };
  const said = refused.said.replace(/^\S+: /, '') || `exit ${String(refused.status)}`;
  return item.kind === 'value' && item.mayRefuse !== undefined
    ? { ...base, state: 'unsupported', reason: `the kernel refuses (${said}): ${item.mayRefuse}` }
    : { ...base, state: 'differs', reason: `${where} shows ${effective}; writing ${requested} failed: ${said}` };
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
    case 'parameter': {
      const ok = missingParameters(machine.cmdline, [item.parameter]).length === 0;
      return {
        label: item.label,
        requested: item.parameter,
        effective: ok ? item.parameter : 'not given',
        state: ok ? 'ok' : 'needs-reboot',
        ...(ok ? {} : { reason: `/proc/cmdline lacks ${item.parameter}` }),
      };
    }
    case 'lacking':
      return { label: item.label, requested: '-', effective: undefined, state: item.state, reason: item.reason };
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

/** A knob's state is that of its worst item (what waits for a reboot explains what differs until then); what the kernel lacks or refuses counts only where nothing else took. */
export const judgeKnob = (knob: string, items: readonly ItemResult[]): KnobResult => {
  const has = (state: KnobState): boolean => items.some((item) => item.state === state);
  const order: readonly KnobState[] = ['needs-reboot', 'differs', 'ok', 'unsupported'];
  const state = order.find(has) ?? 'absent';
  const telling = items.filter((item) => item.state === state || (item.state !== 'ok' && item.state !== 'absent'));
  const reason =
    items.length === 0
      ? 'this machine has nothing of the sort'
      : reasons(state === 'ok' ? telling.filter((item) => item.state !== 'ok') : telling);
  return {
    knob,
    requested: tally(items.map(({ requested }) => requested).filter((text) => text !== '-')) || '-',
    effective: tally(items.map(({ effective }) => effective ?? '-')) || '-',
    state,
    ...(reason === '' ? {} : { reason }),
    items,
  };
};

/** Whether a run may measure with this: what is requested is in effect, or the machine can't have it and says so. */
export const isEffective = ({ state }: KnobResult): boolean => state !== 'differs' && state !== 'needs-reboot';
