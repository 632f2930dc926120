/**
 * Runs the tests: first those that have the machine to themselves, then those on emulated hosts, two at a time, since one
 * such host seldom keeps more than one CPU busy. The last line is `N passed, N failed`, of all together; what is left on the
 * machine in the end counts as a failure.
 */
import { availableParallelism } from 'node:os';
import pLimit from 'p-limit';
import { sharedNow } from '../test/support/leftovers.js';
import { conclude, mocha } from './mocha.js';

/** They change emulated hosts and guests only. About equally long. */
const besideEachOther: readonly (readonly string[])[] = [
  ['test/contexts/sriov-vf/lab.test.ts', 'test/contexts/sriov-vf/guest.test.ts'],
  ['test/contexts/sriov-vf/killed.test.ts', 'test/lab/virtual-host.test.ts', 'test/tuning/live/*.test.ts'],
];

const before = new Set(sharedNow());
const alone = await mocha(['test/**/*.test.ts', ...besideEachOther.flat().flatMap((file) => ['--exclude', file])]);
const limit = pLimit(Math.min(availableParallelism(), besideEachOther.length));
const all = [alone, ...(await Promise.all(besideEachOther.map((files) => limit(() => mocha(files)))))];
const left = sharedNow().filter((what) => !before.has(what));
for (const what of left) console.log(`Left behind by the tests, which is a failure: ${what}`);
conclude(all, left.length > 0 ? 1 : 0);
