import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export const cli = join(import.meta.dirname, '../../dist/kvm4nfv.js');
export const runCli = join(import.meta.dirname, '../../dist/kvm4nfv-run.js');

export interface Timed {
  /** Wall time, milliseconds. */
  readonly took: number;
  /** Most memory of the command's main process, bytes, its own children not counted. */
  readonly peak: number;
  readonly stdout: string;
}

const highWater = /^VmHWM:\s+(\d+) kB$/m;
const pollInterval = 20;

/** Runs a command to its end with its output kept; it must end well. Reads the peak of its memory while it runs. */
export const timed = async (
  argv: readonly [string, ...string[]],
  options: { readonly cwd?: string; readonly memory?: boolean } = {},
): Promise<Timed> => {
  const [command, ...rest] = argv;
  const started = performance.now();
  const child = spawn(command, rest, {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
  let peak = 0;
  const look = async (): Promise<void> => {
    const status = await readFile(`/proc/${String(child.pid)}/status`, 'utf8').catch(() => '');
    peak = Math.max(peak, Number(highWater.exec(status)?.[1] ?? 0) * 1024);
  };
  const timer = options.memory === true ? setInterval(() => void look(), pollInterval) : undefined;
  const [exitCode] = (await once(child, 'close')) as [number | null];
  const took = performance.now() - started;
  clearInterval(timer);
  if (exitCode !== 0)
    throw new Error(`${argv.join(' ')}: exit ${String(exitCode)}: ${`${stdout}\n${stderr}`.trim().slice(-800)}`);
  return { took, peak, stdout };
};
