import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecResult, Host } from './host.js';

/*
 * Deadlines are written for a quick machine that has time. Only where one is over is the machine asked how slow it is, so
 * that those which are met cost nothing: a virsh in an emulated host on a busy machine takes ten times as long, and is not
 * hung. What hangs is ended all the same, since what a deadline may grow to has a limit.
 */

/** How much longer anything is waited for, whatever a machine says of itself. */
const most = 10;
/** Milliseconds that are added at most: a deadline of a quarter of an hour has time in it already. */
const mostAdded = 10 * 60_000;
/** Milliseconds for the question itself: who does not answer it hangs. */
const answerWithin = 15_000;

// A process is what most of our commands cost. Begins with one of them, so that a disk that sleeps is not measured.
const commands = 40;
/** Milliseconds that they take on a quiet server of 2020 (dash, Debian 12: 0.8 ms each, and a tick of /proc/uptime). */
const reference = 40;

const script = String.raw`
/bin/true
read -r before rest </proc/uptime
i=0; while [ $i -lt ${String(commands)} ]; do /bin/true; i=$((i + 1)); done
read -r after rest </proc/uptime
read -r load five fifteen running rest </proc/loadavg
echo "$before $after $load $running $(nproc)"
`;

/** `before after load running/all cpus` as the script prints them: how many times slower than a quick idle one a machine is, at least 1. */
export const parseSlowness = (text: string): number => {
  const [before, after, load, running, cpus] = text
    .trim()
    .split(/[ /]/)
    .flatMap((word, at) => (at === 4 ? [] : [Number(word)]));
  const speed = ((Number(after) - Number(before)) * 1000) / reference;
  // The script itself runs too. Short commands are let in before others: how many wait tells what they do not.
  const contention = Math.max(Number(load), Number(running) - 1) / Number(cpus);
  const slowness = Math.max(1, speed, contention);
  return Number.isFinite(slowness) ? slowness : 1;
};

/** Runs a command of ours whose own time is never extended. */
export type Ask = (argv: readonly string[], options: { readonly timeout: number }) => Promise<ExecResult>;

/** How many times slower than a quick idle one the machine is just now; 1 where it does not say. */
export const slowness = async (ask: Ask): Promise<number> => {
  const late = AbortSignal.timeout(answerWithin);
  const silent = new Promise<number>((resolve) => {
    late.addEventListener('abort', () => {
      resolve(1);
    });
  });
  const answer = ask(['sh', '-c', script], { timeout: answerWithin }).then(
    ({ exitCode, stdout }) => (exitCode === 0 ? parseSlowness(stdout) : 1),
    () => 1,
  );
  return Promise.race([answer, silent]);
};

/** What becomes of a deadline on a machine that is so many times slower. Milliseconds. */
export const stretched = (timeout: number, slower: number): number =>
  Math.min(timeout * Math.min(Math.max(1, slower), most), timeout + mostAdded);

/** The same of a host. */
export const slownessOf = (host: Host): Promise<number> =>
  slowness((argv, options) => host.exec(argv, { ...options, check: false }));

/** Something that changes as long as there is progress, such as the length of a console. */
export type Progress = () => Promise<unknown>;

/** While progress is looked for. */
const glance = { usual: 5000, longest: 60_000 };
/** What progresses has this much time even on a quick machine. */
const leastWithProgress = 2;

/** A time limit that asks its machine before it is over. */
export class Patience {
  readonly #timeout: number;
  readonly #slower: () => Promise<number>;
  readonly #progress: Progress | undefined;
  readonly #began = performance.now();
  #limit: number;

  /** `timeout`: milliseconds on a quick machine. `progress`: without any, more time is of no use. */
  constructor(timeout: number, slower: () => Promise<number>, progress?: Progress) {
    this.#timeout = timeout;
    this.#limit = timeout;
    this.#slower = slower;
    this.#progress = progress;
  }

  /** Milliseconds that are left as things stand, at least 1: what timers take. */
  get left(): number {
    return Math.max(1, this.#began + this.#limit - performance.now());
  }

  get isOver(): boolean {
    return performance.now() >= this.#began + this.#limit;
  }

  /** What has been allowed, for messages: `20 s`, or `20 s (130 s, since the machine is slow)`. */
  get words(): string {
    const asked = `${String(this.#timeout / 1000)} s`;
    return this.#limit > this.#timeout
      ? `${asked} (${String(Number((this.#limit / 1000).toPrecision(3)))} s, since the machine is slow)`
      : asked;
  }

  /** Asks the machine, where the time is over, whether it was only slow: true where there is time again. */
  async more(): Promise<boolean> {
    if (!this.isOver) return true;
    const slower = await this.#slower();
    const least = this.#progress === undefined ? 1 : leastWithProgress;
    const limit = stretched(this.#timeout, Math.max(slower, least));
    if (limit > this.#limit && (await this.#moves(slower))) this.#limit = limit;
    return !this.isOver;
  }

  async #moves(slower: number): Promise<boolean> {
    if (this.#progress === undefined) return true;
    const before = await this.#progress().catch(() => undefined);
    await sleep(Math.min(glance.usual * slower, glance.longest), undefined, { ref: false });
    return before !== (await this.#progress().catch(() => undefined));
  }
}
