/**
 * Changes the pure code in one place at a time and looks whether a test notices. `npm run mutants -- --room lib/sla`;
 * `--file lib/sla/judge.ts`, `--sample 200 --seed 7`, `--workers 1`. What survives is printed with its place; what may is
 * in test/mutants/accepted.json, with a reason. Ends with 1 where less than 85 % of a room are killed.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { shuffled } from '../../runners/shuffle.js';
import { bundleTests } from './bundle.js';
import { coverage, type Reach } from './coverage.js';
import { instrument, type Mutant } from './instrument.js';
import { Worker } from './pool.js';
import { parseAccepted, renderSurvivors, renderTable, scoreOf, type Fate, type Tried } from './report.js';
import { pureTests, roomsOf, type Room } from './rooms.js';

const root = join(import.meta.dirname, '../..');
const wanted = 85;

const { values } = parseArgs({
  options: {
    room: { type: 'string', multiple: true },
    file: { type: 'string', multiple: true },
    sample: { type: 'string' },
    seed: { type: 'string', default: '1' },
    workers: { type: 'string', default: '2' },
  },
});

const rooms: readonly Room[] = roomsOf(root)
  .filter(({ name, onlyAsked }) => values.room?.includes(name) ?? (!onlyAsked || values.file !== undefined))
  .map((room) => ({ ...room, files: room.files.filter((file) => values.file?.includes(file) ?? true) }));

let ids = 0;
const instrumented = rooms.flatMap(({ files }) =>
  files.map((file) => ({ file, ...instrument(file, readFileSync(join(root, file), 'utf8'), () => ids++) })),
);
const all = instrumented.flatMap(({ mutants }) => mutants);
/** In the order of the files: one after the other they need the same tests. */
const chosen: readonly Mutant[] =
  values.sample === undefined
    ? all
    : shuffled(all, Number(values.seed))
        .slice(0, Number(values.sample))
        .sort((a, b) => a.id - b.id);
console.log(`${String(all.length)} mutants in ${String(instrumented.length)} files`);

const modules = await bundleTests(
  root,
  pureTests(root),
  new Map(
    instrumented
      .filter(({ file }) => chosen.some((mutant) => mutant.file === file))
      .map(({ file, text }) => [file, text]),
  ),
);
const byId = new Map(all.map((mutant) => [mutant.id, mutant]));
const roomOf = (id: number): Room => {
  const file = byId.get(id)?.file ?? '';
  const room = rooms.find(({ files }) => files.includes(file));
  if (room === undefined) throw new Error(`mutant ${String(id)} has no room`);
  return room;
};
const workers = Number(values.workers);
const reached = await coverage(modules, roomOf, workers);

/** Milliseconds of CPU: five times what the tests take unchanged, and what a process needs to start and load them. */
const within = ({ took }: Reach): number => 5 * took + 4000;

const fateOf = async ({ id }: Mutant, worker: Worker): Promise<Fate> => {
  const reaches = reached.get(id) ?? [];
  for (const reach of reaches) {
    const { test, titles, anew } = reach;
    const question = { module: modules.get(test) ?? '', mutant: id, anew, ...(titles === undefined ? {} : { titles }) };
    const answer = await worker.ask(question, within(reach));
    if (answer === 'late') return 'timed out';
    if (answer === 'ended' || (answer.kind === 'tried' && answer.killed)) return 'killed';
  }
  return reaches.length === 0 ? 'not reached' : 'survived';
};

const tried: Tried[] = [];
const queue = [...chosen];
const work = async (): Promise<void> => {
  const worker = new Worker();
  for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
    tried.push({ mutant, fate: await fateOf(mutant, worker) });
    if (tried.length % 200 === 0) console.log(`${String(tried.length)} of ${String(chosen.length)} tried`);
  }
  worker.end();
};
await Promise.all(Array.from({ length: workers }, work));
tried.sort((a, b) => a.mutant.id - b.mutant.id);

const accepted = parseAccepted(readFileSync(join(root, 'test/mutants/accepted.json'), 'utf8'));
console.log(renderSurvivors(all, tried, accepted));
console.log(`\n${renderTable(rooms, tried)}`);
const low = rooms.filter((room) => scoreOf(tried.filter(({ mutant }) => room.files.includes(mutant.file))) < wanted);
for (const { name } of low) console.log(`${name}: less than ${String(wanted)} % killed`);
if (low.length > 0) process.exitCode = 1;
