import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Result } from '../../lib/run/result.js';
import { Cli, onlyResult, writeSuite, type Ended } from './cli.js';

/** What cyclictest would have written of 300 loops. */
export const honest = `{ "file_version": 1, "rt_test_version": "2.4", "resolution_in_ns": 0, "num_threads": 1, "thread": {
  "0": { "histogram": { "10": 200, "20": 100 }, "cycles": 300, "min": 10, "max": 20, "avg": 13.33, "cpu": 0 } } }`;

/** Below here each script is found by the histogram that its test asks for. */
const firstBin = 20_000;

const chooser = `#!/bin/sh
case "$*" in *--help*) echo "usage: --json --histogram"; exit 0 ;; esac
while [ "$1" != -h ]; do shift; done
number=$2
. "\${0%/*}/scripts/$number"
`;

export interface HostileRun extends Ended {
  readonly result: Result;
  /** Of the CLI at its largest, MiB. */
  readonly memory: number;
  /** Bytes of all files of the run. */
  readonly disk: number;
}

const sizeOf = async (directory: string): Promise<number> => {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const sizes = entries.map(async (entry) =>
    entry.isFile() ? (await stat(join(entry.parentPath, entry.name))).size : 0,
  );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
};

/** Starts the CLI with a cyclictest that is none of these scripts' friend; each is a test of the same suite. */
export const startHostile = async (
  directory: string,
  scripts: readonly string[],
  prefix: readonly string[] = [],
): Promise<Cli> => {
  const bin = join(directory, 'bin');
  await mkdir(join(bin, 'scripts'), { recursive: true });
  await writeFile(join(bin, 'cyclictest'), chooser);
  await chmod(join(bin, 'cyclictest'), 0o755);
  await writeFile(join(bin, 'honest'), honest);
  const numbers = scripts.map((_, index) => firstBin + index);
  for (const [index, script] of scripts.entries())
    await writeFile(join(bin, 'scripts', String(numbers[index])), `honest=${bin}/honest\n${script}\n`);
  const suite = JSON.stringify({
    suite: 'hostile',
    contexts: { metal: { type: 'bare-metal' } },
    tests: [
      {
        name: 'hostile-${bin}',
        scenario: 'timer',
        context: 'metal',
        options: { cpus: 0, loops: 300, histogram: '${bin}us', break: 'none' },
        sla: ['max <= 1h'],
        matrix: { bin: numbers },
      },
    ],
  });
  return new Cli(['run', await writeSuite(directory, suite)], {
    cwd: directory,
    env: { PATH: `${bin}:${process.env['PATH'] ?? ''}` },
    prefix,
  });
};

export const runHostile = async (directory: string, scripts: readonly string[]): Promise<HostileRun> => {
  const measured = ['/usr/bin/time', '-o', join(directory, 'time'), '-f', '%M'];
  const ended = await (await startHostile(directory, scripts, measured)).ended;
  // GNU time tells first where the command failed.
  const memory = Number((await readFile(join(directory, 'time'), 'utf8')).trim().split('\n').at(-1)) / 1024;
  return { ...ended, result: await onlyResult(directory), memory, disk: await sizeOf(join(directory, 'results')) };
};
