import type { ChildProcess } from 'node:child_process';
import type { RootHookObject } from 'mocha';
import { end, stillRunning } from './begin.js';
import './this-run.js';

let before: ReadonlySet<ChildProcess> = new Set();

const endOthersThan = async (kept: ReadonlySet<ChildProcess>): Promise<void> => {
  await Promise.all([...stillRunning()].filter((child) => !kept.has(child)).map((child) => end(child)));
};

/** What a test begins ends with it at the latest; what a suite begins before its tests, with the run. */
export const mochaHooks: RootHookObject = {
  beforeEach: () => {
    before = stillRunning();
  },
  async afterEach(this: Mocha.Context) {
    this.timeout(60_000);
    await endOthersThan(before);
  },
  async afterAll(this: Mocha.Context) {
    this.timeout(60_000);
    await endOthersThan(new Set());
  },
};
