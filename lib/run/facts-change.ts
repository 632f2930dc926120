import type { HostFacts } from '../host/facts.js';

/** Paths and values of the facts that differ, such as `governor: powersave -> performance`. */
export const changedFacts = (before: HostFacts, after: HostFacts): string[] => {
  const changes: string[] = [];
  const compare = (path: string, a: unknown, b: unknown): void => {
    if (typeof a === 'object' && a !== null && typeof b === 'object' && b !== null) {
      for (const key of new Set([...Object.keys(a), ...Object.keys(b)]))
        compare(path === '' ? key : `${path}.${key}`, Reflect.get(a, key), Reflect.get(b, key));
    } else if (a !== b) changes.push(`${path}: ${String(a)} -> ${String(b)}`);
  };
  compare('', before, after);
  return changes;
};
