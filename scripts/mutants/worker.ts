/** Runs files of tests in this process, again and again, each time with another mutant on. Talks with pool.ts. */
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import Mocha from 'mocha';
import type { Answer, Covered, Failed, Question } from './pool.js';

const events = Mocha.Runner.constants;

/** What a test that waits in vain is given; what keeps the process busy is ended by pool.ts. */
const testTimeout = 20_000;

let hits: Set<number> | undefined;
let active = -1;
Object.assign(globalThis, {
  mutant: (id: number): boolean => {
    hits?.add(id);
    return id === active;
  },
});
// Where a property fails, that it does is enough; of thousands of runs as many as a second has, the same ones each time.
fc.configureGlobal({ endOnFailure: true, seed: 1 });
fc.installGlobalPlugin(fc.interruptAfterTimeLimit(1000));
console.log = console.error = console.warn = () => undefined;

let imports = 0;

/** The tests of a module that is loaded anew. */
const load = async (module: string, bail = true): Promise<Mocha> => {
  const mocha = new Mocha({ ui: 'bdd', bail, timeout: testTimeout, reporter: Mocha.reporters.Base });
  mocha.cleanReferencesAfterRun(false);
  mocha.suite.emit('pre-require', globalThis, module, mocha);
  imports += 1;
  await import(`${pathToFileURL(module).href}?${String(imports)}`);
  return mocha;
};

const titleOf = (test: Mocha.Test): string => test.fullTitle();

const cover = async (module: string): Promise<Answer> => {
  const atLoad = new Set<number>();
  const between = new Set<number>();
  const tests: Covered[] = [];
  const loadBegan = performance.now();
  hits = atLoad;
  const mocha = await load(module, false);
  hits = between;
  const loading = performance.now() - loadBegan;
  const failed: Failed[] = [];
  await new Promise<void>((resolve) => {
    let began = 0;
    const runner = mocha.run(() => {
      resolve();
    });
    runner.on(events.EVENT_TEST_BEGIN, () => {
      began = performance.now();
      hits = new Set();
    });
    runner.on(events.EVENT_TEST_END, (test) => {
      if (!test.isPending())
        tests.push({ title: titleOf(test), hits: [...(hits ?? [])], took: performance.now() - began });
      hits = between;
    });
    runner.on(events.EVENT_TEST_FAIL, (test, error: Error) => {
      failed.push({ title: test.fullTitle(), message: error.message });
    });
  });
  hits = undefined;
  return { kind: 'covered', atLoad: [...atLoad], between: [...between], tests, failed, loading };
};

/** Runs these tests only; gives what puts the others back. */
const keepOnly = (suite: Mocha.Suite, titles: ReadonlySet<string>): (() => void) => {
  const { tests } = suite;
  suite.tests = tests.filter((test) => titles.has(titleOf(test)));
  const inner = suite.suites.map((each) => keepOnly(each, titles));
  return () => {
    suite.tests = tests;
    for (const putBack of inner) putBack();
  };
};

const failuresOf = async (mocha: Mocha, titles: readonly string[] | undefined): Promise<number> => {
  const putBack = titles === undefined ? () => undefined : keepOnly(mocha.suite, new Set(titles));
  try {
    return await new Promise<number>((resolve) => {
      mocha.run(resolve);
    });
  } finally {
    putBack();
  }
};

const tryAnew = async (module: string, id: number, titles: readonly string[] | undefined): Promise<boolean> => {
  active = id;
  try {
    return (await failuresOf(await load(module), titles)) > 0;
  } catch {
    return true;
  } finally {
    active = -1;
  }
};

const loaded = new Map<string, Mocha>();

/**
 * Whether a mutant that is reached in tests only is noticed by them, in a module that stays loaded. What it has left there
 * may fail them too: where they fail without it, it is tried in a module of its own.
 */
const trySwitched = async (module: string, id: number, titles: readonly string[] | undefined): Promise<boolean> => {
  const mocha = loaded.get(module) ?? (await load(module));
  loaded.set(module, mocha);
  active = id;
  const failures = await failuresOf(mocha, titles);
  active = -1;
  if (failures === 0) return false;
  if ((await failuresOf(mocha, titles)) === 0) return true;
  loaded.delete(module);
  return tryAnew(module, id, titles);
};

const answerOf = async ({ module, mutant, titles, anew }: Question): Promise<Answer> => {
  if (mutant === undefined) return cover(module);
  const killed = await (anew === true ? tryAnew : trySwitched)(module, mutant, titles);
  return { kind: 'tried', killed, imports };
};

process.once('disconnect', () => process.exit());
// What a mutant throws where nobody waits for it is a failed test to mocha, and the end of this process otherwise.
process.on('message', (question: Question) => {
  void answerOf(question).then((answer) => {
    process.send?.(answer);
  });
});
