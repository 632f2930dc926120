import { Worker } from './pool.js';
import type { Room } from './rooms.js';

/** How a file of tests reaches a mutant. */
export interface Reach {
  readonly test: string;
  /** Full titles; undefined: all of the file. */
  readonly titles: readonly string[] | undefined;
  /** Whether the mutant is reached while the file is loaded: it has to be loaded anew then. */
  readonly anew: boolean;
  /** Milliseconds that these take. */
  readonly took: number;
}

interface Covering extends Reach {
  readonly atLoadOnly: boolean;
}

/** Of CPU, for a file of tests. */
const longest = 300_000;

const ofTest = async (test: string, module: string, worker: Worker): Promise<ReadonlyMap<number, Covering>> => {
  const answer = await worker.ask({ module }, longest);
  if (typeof answer === 'string' || answer.kind !== 'covered') {
    console.log(`${test} is left out, since its process was ${JSON.stringify(answer)} where nothing is changed`);
    return new Map();
  }
  const failed = new Set(answer.failed.map(({ title }) => title));
  for (const { title, message } of answer.failed)
    console.log(`${test}: left out, since it fails where nothing is changed: ${title}: ${message}`);
  const tests = answer.tests.filter(({ title }) => !failed.delete(title));
  // What failed besides is not a test, but what several of them need.
  if (failed.size > 0) return new Map();
  const whole = {
    test,
    titles: answer.failed.length > 0 ? tests.map(({ title }) => title) : undefined,
    took: tests.reduce((sum, { took }) => sum + took, 0),
  };
  const found = new Map<number, Covering>();
  const byTest = new Map<number, { titles: string[]; took: number }>();
  for (const { title, hits, took } of tests)
    for (const id of hits) {
      const so = byTest.get(id) ?? { titles: [], took: 0 };
      so.titles.push(title);
      so.took += took;
      byTest.set(id, so);
    }
  for (const [id, reach] of byTest) found.set(id, { test, ...reach, anew: false, atLoadOnly: false });
  for (const id of answer.between) found.set(id, { ...whole, anew: false, atLoadOnly: false });
  for (const id of answer.atLoad) {
    const inTests = found.get(id) ?? { ...whole, atLoadOnly: true };
    found.set(id, { ...inTests, took: inTests.took + answer.loading, anew: true });
  }
  return found;
};

/** Tests of other rooms are run for a mutant until they take so long, in milliseconds, where its own room reaches it. */
const others = 3000;

/** What is worth being run for a mutant, in this order. */
const worthwhile = (coverings: readonly Covering[], isOwn: (test: string) => boolean): readonly Reach[] => {
  const useful = coverings.filter(({ test, atLoadOnly }) => !atLoadOnly || isOwn(test));
  const chosen = (useful.length > 0 ? useful : coverings).toSorted((a, b) => a.took - b.took);
  const own = chosen.filter(({ test }) => isOwn(test));
  if (own.length === 0) return chosen;
  let total = 0;
  return [...own, ...chosen.filter(({ test, took }) => !isOwn(test) && (total += took) <= others)];
};

/** By mutant, which tests reach it: a room's own first, then the quick ones. */
export const coverage = async (
  modules: ReadonlyMap<string, string>,
  roomOf: (id: number) => Room,
  workers: number,
): Promise<ReadonlyMap<number, readonly Reach[]>> => {
  const all = new Map<number, Covering[]>();
  const queue = [...modules];
  const work = async (): Promise<void> => {
    const worker = new Worker();
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [test, module] = next;
      for (const [id, covering] of await ofTest(test, module, worker)) all.set(id, [...(all.get(id) ?? []), covering]);
    }
    worker.end();
  };
  await Promise.all(Array.from({ length: workers }, work));
  return new Map(
    [...all].map(([id, coverings]) => [
      id,
      worthwhile(coverings, (test) => roomOf(id).tests.some((own) => test.startsWith(own))),
    ]),
  );
};
