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

/** The change that an item needs, with what undoes it; undefined where it is as wanted already, or can't be had. Pure. */
export const changeOf = (item: Item, now: Snapshot): PlannedChange | undefined => {
  switch (item.kind) {
    case 'value': {
      const before = now.files.get(item.path);
      if (before === undefined || item.bootOnly === true) return undefined;
      const shown = canonical(item.aspect, before);
      if (shown === canonical(item.aspect, item.want) || item.accept?.(shown) === true) return undefined;
      return {
        change: { kind: 'value', path: item.path, aspect: item.aspect, before, after: item.want },
        action: { kind: 'write', path: item.path, text: `${item.text ?? item.want}\n` },
      };
    }
    case 'file': {
      const before = now.texts.get(item.path) ?? null;
      const after = item.want ?? null;
      if (before === after) return undefined;
      return {
        change: { kind: 'file', path: item.path, before, after },
        action:
          after === null ? { kind: 'remove', path: item.path } : { kind: 'install', path: item.path, text: after },
      };
    }
    case 'action': {
      const before = readPlace(now, item.place);
      if (before === undefined) return undefined;
      const shown = canonical(item.aspect, before);
      if (shown === canonical(item.aspect, item.want) || item.accept?.(shown) === true) return undefined;
      return {
        change: {
          kind: 'action',
          place: item.place,
          aspect: item.aspect,
          before,
          after: item.want,
          argv: item.argv,
          undo: item.undo(shown),
        },
        action: { kind: 'run', argv: item.argv },
      };
    }
    case 'directory':
      return now.names.has(item.path)
        ? undefined
        : { change: { kind: 'directory', path: item.path }, action: { kind: 'mkdir', path: item.path } };
    case 'check':
    case 'parameter':
    case 'lacking':
      return undefined;
  }
};
