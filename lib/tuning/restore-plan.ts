import { canonical, isOurs, writable, type Aspect } from './aspect.js';
import type { Action } from './batch.js';
import { persists, type Change, type JournalEntry } from './journal.js';
import { names, text, type Request, type Snapshot } from './reading.js';
import { readPlace, requestOf } from './place.js';

/** All that a run did to one place, oldest first. */
export interface Touched {
  readonly key: string;
  readonly first: JournalEntry;
  readonly changes: readonly Change[];
}

const keyOfChange = (change: Change): string => {
  switch (change.kind) {
    case 'value':
    case 'file':
    case 'directory':
      return change.path;
    case 'action':
      return change.place.kind === 'command'
        ? // One command may show several settings, each undone by its own command.
          `${change.place.argv.join(' ')} ${change.aspect.startsWith('field:') ? change.aspect : ''}`.trim()
        : `${change.place.path} ${change.undo[0] ?? ''}`;
    case 'after-undo':
      return change.argv.join(' ');
  }
};

/** What is to be looked at, latest first; what went with an earlier boot is left out. */
export const touchedOf = (entries: readonly JournalEntry[], bootId: string): Touched[] => {
  const touched = new Map<string, { key: string; first: JournalEntry; changes: Change[] }>();
  for (const entry of entries) {
    if (entry.boot !== bootId && !persists(entry.change)) continue;
    const key = keyOfChange(entry.change);
    const known = touched.get(key);
    if (known === undefined) touched.set(key, { key, first: entry, changes: [entry.change] });
    else known.changes.push(entry.change);
  }
  return [...touched.values()].reverse();
};

/** Where a file is written before it takes its place; there still when that was cut off. */
export const temporaryOf = ({ first: { change } }: Touched): string | undefined =>
  change.kind === 'file' ? `${change.path}.kvm4nfv` : undefined;

/** Takes away what a change that was cut off left beside its file. */
export const leftoversOf = (touched: readonly Touched[], now: Snapshot): Action[] =>
  touched.flatMap((item): Action[] => {
    const path = temporaryOf(item);
    return path !== undefined && now.names.has(path) ? [{ kind: 'remove', path }] : [];
  });

export const requestsOf = (touched: readonly Touched[]): Request[] =>
  touched.flatMap(({ first: { change } }): Request[] => {
    switch (change.kind) {
      case 'value':
        return [{ kind: 'files', glob: change.path }];
      case 'file':
        return [text(change.path), names(`${change.path}.kvm4nfv`)];
      case 'action':
        return [requestOf(change.place)];
      case 'directory':
        return [names(change.path)];
      case 'after-undo':
        return [];
    }
  });

export type Fate =
  /** It shows the old value already. */
  | { readonly kind: 'as-before' }
  | { readonly kind: 'restore'; readonly actions: readonly Action[] }
  /** Somebody else has changed it since: left as it is. */
  | { readonly kind: 'foreign'; readonly before: string; readonly ours: string; readonly now: string }
  | { readonly kind: 'gone' };

const valueFate = (
  aspect: Aspect,
  now: string | undefined,
  before: string,
  afters: readonly string[],
  restore: Action,
): Fate => {
  if (now === undefined) return { kind: 'gone' };
  if (canonical(aspect, now) === canonical(aspect, before)) return { kind: 'as-before' };
  if (afters.some((after) => isOurs(aspect, now, before, after))) return { kind: 'restore', actions: [restore] };
  return {
    kind: 'foreign',
    before: canonical(aspect, before),
    ours: afters.map((after) => canonical(aspect, after)).join(' or '),
    now: canonical(aspect, now),
  };
};

const aftersOf = (changes: readonly Change[]): string[] =>
  changes.flatMap((change) => (change.kind === 'value' || change.kind === 'action' ? [change.after] : []));

const fileFate = (path: string, now: string | null, changes: readonly Change[], before: string | null): Fate => {
  if (now === before) return { kind: 'as-before' };
  const afters = changes.flatMap((change) => (change.kind === 'file' ? [change.after] : []));
  const shown = (content: string | null): string => (content === null ? 'no file' : JSON.stringify(content));
  if (!afters.includes(now))
    return { kind: 'foreign', before: shown(before), ours: afters.map(shown).join(' or '), now: shown(now) };
  const action: Action = before === null ? { kind: 'remove', path } : { kind: 'install', path, text: before };
  return { kind: 'restore', actions: [action] };
};

/** What is to be done about one place, given what the host shows now; pure. */
export const fateOf = ({ first, changes }: Touched, now: Snapshot): Fate => {
  const { change } = first;
  switch (change.kind) {
    case 'value': {
      const restore: Action = { kind: 'write', path: change.path, text: `${writable(change.aspect, change.before)}\n` };
      return valueFate(change.aspect, now.files.get(change.path), change.before, aftersOf(changes), restore);
    }
    case 'file':
      return fileFate(change.path, now.texts.get(change.path) ?? null, changes, change.before);
    case 'action':
      return valueFate(change.aspect, readPlace(now, change.place), change.before, aftersOf(changes), {
        kind: 'run',
        argv: change.undo,
      });
    case 'directory':
      return now.names.has(change.path)
        ? { kind: 'restore', actions: [{ kind: 'rmdir', path: change.path }] }
        : { kind: 'as-before' };
    case 'after-undo':
      return { kind: 'restore', actions: [{ kind: 'run', argv: change.argv }] };
  }
};
