import Mocha from 'mocha';
import { relative } from 'node:path';
import { seconds, summaryLine, type Counts } from './summary.js';
import { leftovers } from './this-run.js';

const events = Mocha.Runner.constants;

/** How long what is still open after the last test may take to close before it counts as a failure. */
const patience = 15_000;

/**
 * One line for each top-level suite and, below it, only what deserves a look: failures, skipped and slow tests. Failures
 * in full at the end; the very last line is `N passed, N failed`, and `, N skipped` where some were. What is still open or
 * left on the machine after the tests counts as a failure.
 */
export default class Reporter extends Mocha.reporters.Base {
  #passed = 0;
  #skipped = 0;
  #before = { passed: 0, failed: 0, skipped: 0, at: 0 };
  #notes: string[] = [];

  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options);
    runner.on(events.EVENT_SUITE_BEGIN, (suite) => {
      if (suite.parent?.root === true) this.#open();
    });
    runner.on(events.EVENT_TEST_PASS, (test) => {
      this.#passed += 1;
      if (test.speed === 'slow')
        this.#note('slow', `${test.titlePath().slice(1).join(' > ')} (${seconds(test.duration ?? 0)})`);
    });
    runner.on(events.EVENT_TEST_PENDING, (test) => {
      this.#skipped += 1;
      this.#note('pending', `skipped: ${test.titlePath().slice(1).join(' > ')}`);
    });
    runner.on(events.EVENT_TEST_FAIL, (test) => {
      this.#note('fail', `FAILED: ${test.titlePath().slice(1).join(' > ')}`);
    });
    runner.on(events.EVENT_SUITE_END, (suite) => {
      if (suite.parent?.root !== true) return;
      this.#close(suite.title);
      leftovers.look(relative('', suite.file ?? suite.title));
    });
  }

  /** Mocha's end of the run. The process ends by itself when all is closed, and only then says how it went. */
  override done(_failures: number, fn?: (failures: number) => void): void {
    const counts = this.#counts();
    if (this.failures.length > 0) Mocha.reporters.Base.list(this.failures);
    fn?.(counts.failed);
    let leaked = false;
    const timer = setTimeout(() => {
      leaked = true;
      const open = process.getActiveResourcesInfo().filter((kind) => kind !== 'TTYWrap' && kind !== 'PipeWrap');
      console.log(`Still open after the last test, which is a failure: ${open.join(', ')}`);
      process.exit();
    }, patience);
    timer.unref();
    process.once('exit', () => {
      const left = leftovers.left();
      for (const { what, file } of left) console.log(`Left behind by ${file}, which is a failure: ${what}`);
      const more = (leaked ? 1 : 0) + (left.length > 0 ? 1 : 0);
      const final = { ...counts, failed: counts.failed + more };
      if (final.passed + final.failed === 0) console.log('No test ran.');
      console.log(`\n${summaryLine(final)}`);
      // Mocha has set its own exit code before this.
      if (final.failed > 0 || final.passed === 0) process.exitCode = 1;
    });
  }

  #counts(): Counts {
    return { passed: this.#passed, failed: this.failures.length, skipped: this.#skipped };
  }

  #open(): void {
    this.#before = { ...this.#counts(), at: performance.now() };
  }

  #note(kind: string, text: string): void {
    this.#notes.push(`    ${Mocha.reporters.Base.color(kind, text)}`);
  }

  #close(title: string): void {
    const { passed, failed } = this.#counts();
    const took = seconds(performance.now() - this.#before.at);
    const bad = failed > this.#before.failed;
    const mark = Mocha.reporters.Base.color(bad ? 'fail' : 'checkmark', bad ? 'x' : '+');
    console.log(`  ${mark} ${title}: ${String(passed - this.#before.passed)} passed in ${took}`);
    for (const note of this.#notes) console.log(note);
    this.#notes = [];
  }
}
