import { canonical } from './aspect.js';
import type { Action } from './batch.js';
import type { Change } from './journal.js';
import type { Item } from './knob.js';
import { readPlace, requestOf } from './place.js';
import { names, text, type Request, type Snapshot } from './reading.js';

export interface PlannedChange {
  /** For the journal. */
  readonly change?: Change;
  readonly action?: Action;
}

/** What must be read to know whether an item is as wanted. */
export const requestsOfItem = (item: Item): Request[] => {
  switch (item.kind) {
    case 'value':
      return [{ kind: 'files', glob: item.path }];
    case 'file':
      return [text(item.path)];
    case 'action':
    case 'check':
      return [requestOf(item.place)];
    case 'directory':
      return [names(item.path)];
    case 'parameter':
    case 'lacking':
      return [];
  }
};

type Of<K extends Item['kind']> = Extract<Item, { kind: K }>;

const asWanted = (item: Of<'value'> | Of<'action'>, before: string): boolean => {
  const shown = canonical(item.aspect, before);
  return shown === canonical(item.aspect, item.want) || item.accept?.(shown) === true;
};

const changeOfValue = (item: Of<'value'>, before: string | undefined): PlannedChange | undefined =>
  before === undefined || item.bootOnly === true || asWanted(item, before)
    ? undefined
    : {
        change: { kind: 'value', path: item.path, aspect: item.aspect, before, after: item.want },
        action: { kind: 'write', path: item.path, text: `${item.text ?? item.want}\n` },
      };

const changeOfFile = ({ path, want }: Of<'file'>, before: string | null): PlannedChange | undefined =>
  before === (want ?? null)
    ? undefined
    : {
        change: { kind: 'file', path, before, after: want ?? null },
        action: want === undefined ? { kind: 'remove', path } : { kind: 'install', path, text: want },
      };

const changeByAction = (item: Of<'action'>, before: string | undefined): PlannedChange | undefined => {
  if (before === undefined || asWanted(item, before)) return undefined;
  const { place, aspect, want, argv } = item;
  const undo = item.undo(canonical(aspect, before));
  return {
    change: { kind: 'action', place, aspect, before, after: want, argv, undo },
    action: { kind: 'run', argv },
  };
};

/** The change that an item needs, with what undoes it; undefined where it is as wanted already, or can't be had. Pure. */
export const changeOf = (item: Item, now: Snapshot): PlannedChange | undefined => {
  switch (item.kind) {
    case 'value':
      return changeOfValue(item, now.files.get(item.path));
    case 'file':
      return changeOfFile(item, now.texts.get(item.path) ?? null);
    case 'action':
      return changeByAction(item, readPlace(now, item.place));
    case 'directory':
      if (now.names.has(item.path)) return undefined;
      return { change: { kind: 'directory', path: item.path }, action: { kind: 'mkdir', path: item.path } };
    default:
      return undefined;
  }
};

/** As {@link changeOf}, with what is to be run after the change and after it is undone. */
export const changesOfItem = (item: Item, now: Snapshot): PlannedChange[] => {
  const planned = changeOf(item, now);
  if (planned === undefined) return [];
  if (item.kind === 'file' && item.then !== undefined)
    return [
      { change: { kind: 'after-undo', argv: [...item.then] } },
      planned,
      { action: { kind: 'run', argv: item.then } },
    ];
  return item.kind === 'action' && item.afterwards !== undefined
    ? [{ change: { kind: 'after-undo', argv: [...item.afterwards] } }, planned]
    : [planned];
};
