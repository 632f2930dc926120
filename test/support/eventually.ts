import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../lib/error.js';

export interface Patience {
  /** Milliseconds. Default: 50 s, less than mocha gives a test, so that the failure says what was waited for. */
  readonly within?: number;
  /** Milliseconds between two looks. Default: 20. */
  readonly every?: number;
}

/** What a look gives that waits for more. */
type NotYet = undefined | null | false;

/**
 * Waits for what others do, and gives what the look gave. Looks until it gives something, be it `true`, a value or an
 * assertion that held; what it throws counts as not yet, and the last of it is told where the time is over. The only way
 * to wait in tests: a loop of one's own forgets its deadline, and a sleep proves nothing.
 */
export const eventually = async <T>(
  what: string,
  look: () => T | NotYet | Promise<T | NotYet>,
  { within = 50_000, every = 20 }: Patience = {},
): Promise<T> => {
  const deadline = performance.now() + within;
  let last: unknown;
  do {
    try {
      const seen = await look();
      if (seen !== undefined && seen !== null && seen !== false) return seen;
      last = undefined;
    } catch (error) {
      last = error;
    }
    await sleep(every);
  } while (performance.now() < deadline);
  const why = last === undefined ? '' : `: ${messageOf(last)}`;
  throw new Error(`waited ${String(within / 1000)} s for ${what}${why}`, { cause: last });
};
