import { readFileSync } from 'node:fs';
import { spawn, type ChildProcess } from 'node:child_process';
import { localHost } from '../../../lib/host/local.js';
import { applyTuning } from '../../../lib/tuning/engine.js';
import { tuningOf } from '../machine.js';

// First process of a namespace in which there is nobody else: what becomes of the CPUs of tasks while a tuning is in effect, and after it.
const [isolated = '1'] = process.argv.slice(2);
const cpusOf = (pid: number | undefined): string =>
  /^Cpus_allowed_list:\s*(.*)$/m.exec(readFileSync(`/proc/${String(pid)}/status`, 'utf8'))?.[1] ?? '';
const sleeper = (cpus?: string): ChildProcess =>
  cpus === undefined ? spawn('sleep', ['600']) : spawn('taskset', ['-c', cpus, 'sleep', '600']);
const settled = async (child: ChildProcess): Promise<void> => {
  const deadline = Date.now() + 10_000;
  while (readFileSync(`/proc/${String(child.pid)}/comm`, 'utf8') !== 'sleep\n') {
    if (Date.now() > deadline) throw new Error('the sleeper does not sleep');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

const before = { free: sleeper(), pinned: sleeper(isolated) };
for (const child of Object.values(before)) await settled(child);
const seen = (more: Record<string, ChildProcess> = {}): Record<string, string> =>
  Object.fromEntries(Object.entries({ ...before, ...more }).map(([name, { pid }]) => [name, cpusOf(pid)]));
const first = { ...seen(), ours: cpusOf(process.pid) };
const applied = await applyTuning(
  localHost(),
  'test-tasks',
  await tuningOf({ profile: 'none', with: { isolated_cpus: isolated }, knobs: { 'task-affinity': 'housekeeping' } }),
);
const born = sleeper();
await settled(born);
const during = { ...seen({ born }), ours: cpusOf(process.pid) };
const { complete } = await applied.restore();
const after = { ...seen({ born }), ours: cpusOf(process.pid) };
for (const child of [...Object.values(before), born]) child.kill('SIGKILL');
process.stdout.write(
  JSON.stringify({ first, during, after, complete, states: applied.results.map(({ state }) => state) }),
);
process.exit(0);
