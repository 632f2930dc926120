import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isSlow } from '../slow-tests.js';

/** Code whose mutants are tried, and the tests that are its own. */
export interface Room {
  readonly name: string;
  readonly files: readonly string[];
  /** Beginnings of the paths of its own tests: what is reached only while a module is loaded is tried with these. */
  readonly tests: readonly string[];
  /** Whether it is tried only when its name is given. */
  readonly onlyAsked: boolean;
}

const below = (root: string, directory: string, suffix: string): readonly string[] =>
  readdirSync(join(root, directory), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(suffix))
    .map((name) => join(directory, name))
    .sort();

/** What touches a machine is tried on machines; here it would change this one. */
const impure =
  /^lib\/tuning\/(batch|batch-script|controller|engine|hardware-latency|lease|reboot|restore|session|simulate|knob-docs)\.ts$|^scenarios\/timer\/(index|measure|tool-run)\.ts$|^lib\/suite\/(plugins|cache)\.ts$/;

/** Live ones, and those that throw 10,000 suites at it or recompute 1,000 histograms: what they notice, others notice sooner. */
const unfit = /\/(live|local|quiesce|drift|guest|lab|fuzz|recomputed)(\.test\.ts$|\/)/;

/** Those of tuning are of what changes a host; what knobs say of the kernel is tried when it is asked for. */
const rooms = [
  { name: 'lib/measure', tests: ['test/measure'] },
  { name: 'lib/sla', tests: ['test/sla'] },
  { name: 'lib/suite', tests: ['test/suite'] },
  { name: 'lib/tuning', tests: ['test/tuning'] },
  { name: 'lib/tuning/knobs', tests: ['test/tuning'], onlyAsked: true },
  { name: 'runners', tests: ['test/runners'] },
  { name: 'scenarios', tests: ['test/scenarios'] },
];

export const roomsOf = (root: string): readonly Room[] =>
  rooms.map(({ onlyAsked = false, ...room }) => ({
    ...room,
    onlyAsked,
    files: below(root, room.name, '.ts').filter(
      (file) =>
        !impure.test(file) && !rooms.some(({ name }) => name.startsWith(`${room.name}/`) && file.startsWith(name)),
    ),
  }));

/** The tests that run in one process and leave the machine alone: others can't be run beside each other again and again. */
export const pureTests = (root: string): readonly string[] =>
  [...rooms.flatMap(({ tests }) => tests), 'test/report']
    .flatMap((directory) => below(root, directory, '.test.ts'))
    .filter((file) => !unfit.test(file) && !isSlow(join(root, file)));
