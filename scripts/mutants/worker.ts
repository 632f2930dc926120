/** Runs files of tests in this process, again and again, each time with another mutant on. Talks with pool.ts. */
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import Mocha from 'mocha';
import type { Answer, Covered, Question } from './pool.js';

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
// Where a property fails, that it does is enough.
fc.configureGlobal({ endOnFailure: true });
console.log = console.error = console.warn = () => undefined;

let imports = 0;

/** The tests of a module that is loaded anew. */
const load = async (module: string): Promise<Mocha> => {
  const mocha = new Mocha({ ui: 'bdd', bail: true, timeout: testTimeout, reporter: Mocha.reporters.Base });
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
  hits = atLoad;
  const mocha = await load(module);
  hits = between;
  const failed: string[] = [];
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
      failed.push(`${test.fullTitle()}: ${error.message}`);
    });
  });
  hits = undefined;
  return { kind: 'covered', atLoad: [...atLoad], between: [...between], tests, failed };
};

/** Runs these tests only. */
const keepOnly = (suite: Mocha.Suite, titles: ReadonlySet<string>): void => {
  suite.tests = suite.tests.filter((test) => titles.has(titleOf(test)));
  for (const inner of suite.suites) keepOnly(inner, titles);
};

const tryMutant = async (module: string, id: number, titles: readonly string[] | undefined): Promise<Answer> => {
  active = id;
  try {
    const mocha = await load(module);
    if (titles !== undefined) keepOnly(mocha.suite, new Set(titles));
    const failures = await new Promise<number>((resolve) => {
      mocha.run(resolve);
    });
    return { kind: 'tried', killed: failures > 0 };
  } catch {
    return { kind: 'tried', killed: true };
  } finally {
    active = -1;
  }
};

// What a mutant throws where nobody waits for it is a failed test to mocha, and the end of this process otherwise.
process.on('message', (question: Question) => {
  const { module, mutant, titles } = question;
  void (mutant === undefined ? cover(module) : tryMutant(module, mutant, titles)).then((answer) => {
    process.send?.(answer);
  });
});
