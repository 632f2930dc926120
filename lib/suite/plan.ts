import { Kvm4nfvError } from '../error.js';
import type { Plan, PlannedTest } from '../run/plan.js';
import { nearest } from '../sla/nearest.js';
import type { LoadedSuite } from './load.js';

export interface PlanOptions {
  /** Patterns for names of tests: `*` is any text, `?` any character, all else itself. A test that fits one is chosen. */
  readonly only?: readonly string[];
  /** A test that has one of them is chosen. */
  readonly tags?: readonly string[];
  /** How many tests that share no machine run at once. Default: as the suite says, else 1. */
  readonly parallel?: number;
  /** Of the chosen tests each `count`-th, from the `index`-th on; `index` counts from 1. */
  readonly shard?: { readonly index: number; readonly count: number };
}

const pattern = (glob: string): RegExp =>
  new RegExp(
    `^${glob.replace(/\*+/g, '*').replace(/[\\^$.*+?()[\]{}|/]/g, (character) => (character === '*' ? '.*' : character === '?' ? '.' : `\\${character}`))}$`,
    'su',
  );

const first = (tests: Iterable<PlannedTest>, chosen: (test: PlannedTest) => boolean): boolean => {
  for (const test of tests) if (chosen(test)) return true;
  return false;
};

const known = <T>(tests: Iterable<PlannedTest>, of: (test: PlannedTest) => Iterable<T>): Set<T> => {
  const all = new Set<T>();
  for (const test of tests) {
    for (const one of of(test)) all.add(one);
    if (all.size > 1000) break;
  }
  return all;
};

const hintOf = (word: string, names: ReadonlySet<string>, flag: string): string => {
  const meant = nearest(word, names);
  if (meant !== undefined) return `did you mean '${meant}'?`;
  const some = [...names].slice(0, 5);
  return some.length === 0
    ? `leave ${flag} out`
    : `there ${some.length === 1 ? 'is' : 'are'} ${some.join(', ')}${names.size > some.length ? ', ...' : ''}`;
};

const check = (loaded: LoadedSuite, { only = [], tags = [], shard }: PlanOptions): void => {
  for (const glob of only) {
    const fits = pattern(glob);
    if (!first(loaded.tests(), ({ name }) => fits.test(name)))
      throw new Kvm4nfvError('E_NO_TESTS', `--only '${glob}' fits no test of ${loaded.file}`, {
        hint: hintOf(
          glob,
          known(loaded.tests(), ({ name }) => [name]),
          '--only',
        ),
      });
  }
  for (const tag of tags)
    if (!first(loaded.tests(), (test) => test.tags.includes(tag)))
      throw new Kvm4nfvError('E_NO_TESTS', `--tag '${tag}': no test of ${loaded.file} has it`, {
        hint: hintOf(
          tag,
          known(loaded.tests(), (test) => test.tags),
          '--tag',
        ),
      });
  if (
    shard !== undefined &&
    !(
      Number.isSafeInteger(shard.index) &&
      Number.isSafeInteger(shard.count) &&
      shard.index >= 1 &&
      shard.index <= shard.count
    )
  )
    throw new Kvm4nfvError('E_ARGUMENT', `--shard ${String(shard.index)}/${String(shard.count)} is no shard`, {
      hint: 'write i/n with 1 <= i <= n, such as --shard 1/4',
    });
};

/** Chooses the tests to run. What is asked for and not there is an error; an empty shard is none. */
export const planSuite = (loaded: LoadedSuite, options: PlanOptions = {}): Plan => {
  check(loaded, options);
  const globs = (options.only ?? []).map(pattern);
  const tags = options.tags ?? [];
  const { index, count } = options.shard ?? { index: 1, count: 1 };
  const chosen = (test: PlannedTest): boolean =>
    (globs.length === 0 || globs.some((glob) => glob.test(test.name))) &&
    (tags.length === 0 || tags.some((tag) => test.tags.includes(tag)));
  if (globs.length > 0 && tags.length > 0 && !first(loaded.tests(), chosen))
    throw new Kvm4nfvError('E_NO_TESTS', '--only and --tag together fit no test', { hint: 'leave one of them out' });
  function* tests(): Generator<PlannedTest> {
    let at = 0;
    for (const test of loaded.tests()) if (chosen(test) && at++ % count === index - 1) yield test;
  }
  const { name, file, sha256, hosts, writtenHosts, contexts, secrets, registry } = loaded;
  const parallel = options.parallel ?? loaded.parallel;
  return {
    suite: { name, file, sha256 },
    hosts,
    writtenHosts,
    contexts,
    secrets,
    plugins: registry.plugins,
    parallel,
    tests: () => ({ [Symbol.iterator]: tests }),
  };
};
