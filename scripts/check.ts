/** Runs every check, two at a time, and prints of each how long it took and, where it failed, what it said. */
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import pLimit from 'p-limit';

const root = join(import.meta.dirname, '..');
const cache = 'node_modules/.cache';

interface Step {
  readonly name: string;
  readonly argv: readonly [string, ...string[]];
}

const steps: readonly Step[] = [
  { name: 'lint', argv: ['eslint', '--max-warnings=0', '--cache', '--cache-location', `${cache}/eslint/`, '.'] },
  { name: 'types', argv: ['tsc', '--noEmit', '-p', '.'] },
  {
    name: 'format',
    argv: ['prettier', '--check', '--cache', '--cache-location', `${cache}/prettier/.prettier-cache`, '.'],
  },
  { name: 'dead code', argv: ['knip'] },
  { name: 'docs', argv: ['typedoc', '--emit', 'none'] },
  { name: 'error codes', argv: ['tsx', 'scripts/error-docs.ts', '--check'] },
  { name: 'goals', argv: ['tsx', 'scripts/goals.ts', '--check'] },
];

/** They look at what is built, or write where others look. */
const afterwards: readonly Step[] = [
  { name: 'schema', argv: ['tsx', 'scripts/schema.ts', '--check'] },
  { name: 'build', argv: ['tsx', 'scripts/build.ts'] },
  { name: 'package', argv: ['publint', '--strict'] },
];

const run = async ({ name, argv: [command, ...rest] }: Step): Promise<boolean> => {
  const started = performance.now();
  const child = spawn(join(root, 'node_modules/.bin', command), rest, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, FORCE_COLOR: process.stdout.isTTY ? '1' : '0' },
  });
  const exited = new Promise<boolean>((resolve, reject) => {
    child.once('error', reject).once('close', (code) => {
      resolve(code === 0);
    });
  });
  const [stdout, stderr, ok] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
  const took = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`check: ${name}: ${ok ? 'ok' : 'FAILED'} (${took} s)`);
  if (!ok) console.log(`${stdout}${stderr}`.trim());
  return ok;
};

const limit = pLimit(availableParallelism());
const outcomes = await Promise.all(steps.map((step) => limit(run, step)));
for (const step of afterwards) outcomes.push(await run(step));
if (outcomes.includes(false)) process.exitCode = 1;
