import type { Room } from './rooms.js';
import { Worker } from './pool.js';

/** How a file of tests reaches a mutant. */
export interface Reach {
  readonly test: string;
  /** Full titles; undefined: all of the file. */
  readonly titles: readonly string[] | undefined;
  /** Milliseconds that these take. */
  readonly took: number;
}

interface Covering {
  readonly reaches: Reach;
  readonly atLoadOnly: boolean;
}

const longest = 300_000;

const ofTest = async (test: string, module: string, worker: Worker): Promise<ReadonlyMap<number, Covering>> => {
  const answer = await worker.ask({ module }, longest);
  if (typeof answer === 'string') throw new Error(`${test}: its process was ${answer} where nothing is changed`);
  if (answer.kind !== 'covered') throw new Error(`${test}: no coverage`);
  if (answer.failed.length > 0) {
    console.log(`${test} is left out, since it fails where nothing is changed: ${answer.failed.join('; ')}`);
    return new Map();
  }
  const whole = { test, titles: undefined, took: answer.tests.reduce((sum, { took }) => sum + took, 0) };
  const found = new Map<number, Covering>();
  const byTest = new Map<number, { titles: string[]; took: number }>();
  for (const { title, hits, took } of answer.tests)
    for (const id of hits) {
      const so = byTest.get(id) ?? { titles: [], took: 0 };
      so.titles.push(title);
      so.took += took;
      byTest.set(id, so);
    }
  for (const [id, { titles, took }] of byTest) found.set(id, { reaches: { test, titles, took }, atLoadOnly: false });
  for (const id of answer.between) found.set(id, { reaches: whole, atLoadOnly: false });
  for (const id of answer.atLoad) found.set(id, { reaches: whole, atLoadOnly: !byTest.has(id) });
  return found;
};

/** By mutant, which tests reach it: a room's own first, then the quick ones. */
export const coverage = async (
  modules: ReadonlyMap<string, string>,
  roomOf: (id: number) => Room,
): Promise<ReadonlyMap<number, readonly Reach[]>> => {
  const all = new Map<number, Covering[]>();
  const worker = new Worker();
  for (const [test, module] of modules) {
    for (const [id, covering] of await ofTest(test, module, worker)) all.set(id, [...(all.get(id) ?? []), covering]);
    worker.end();
  }
  return new Map(
    [...all].map(([id, coverings]) => {
      const isOwn = ({ reaches: { test } }: Covering): boolean => roomOf(id).tests.some((own) => test.startsWith(own));
      const useful = coverings.filter((covering) => !covering.atLoadOnly || isOwn(covering));
      const chosen = useful.length > 0 ? useful : coverings;
      const rank = (covering: Covering): number => covering.reaches.took + (isOwn(covering) ? 0 : longest);
      return [id, chosen.sort((a, b) => rank(a) - rank(b)).map(({ reaches }) => reaches)];
    }),
  );
};
