import { setTimeout as sleep } from 'node:timers/promises';
import { Kvm4nfvError, messageOf } from '../error.js';
import type { Host, Job } from '../host/host.js';
import { maxWords } from '../host/limits.js';
import { Patience, slownessOf } from '../host/patience.js';
import { socketsOf } from './machine.js';
import { Qmp } from './qmp.js';

/** QEMU says this of each CPU and each feature that TCG has not; it hides what matters. */
const chatter = /TCG doesn't support requested feature|doesn't support hyperthreading/;

/** What QEMU said that means something. */
export const qemuComplaint = (stderr: string): string =>
  stderr
    .split('\n')
    .filter((line) => line.trim() !== '' && !chatter.test(line))
    .slice(-5)
    .join('\n');

/** Somebody else took a port between our look and QEMU's start. */
export const portTaken = (complaint: string): boolean =>
  /Could not set up host forwarding rule|Address already in use|can't bind/i.test(complaint);

/** QEMU ended before it could be used. */
export class LaunchError extends Kvm4nfvError {
  readonly complaint: string;
  constructor(where: string, complaint: string, cause?: unknown) {
    super('tool', `${where}: QEMU did not start: ${complaint === '' ? messageOf(cause) : complaint}`, { cause });
    this.complaint = complaint;
  }
}

const slowest = 200;

/** Connects to the monitor of a QEMU that has just been started; fails as soon as that has ended. */
export const connectMonitor = async (
  host: Host,
  job: Job,
  directory: string,
  options: { readonly timeout: number; readonly signal?: AbortSignal },
): Promise<Qmp> => {
  const patience = new Patience(options.timeout, () => slownessOf(host));
  const signal = options.signal === undefined ? {} : { signal: options.signal };
  for (let delay = 10; ; delay = Math.min(2 * delay, slowest)) {
    try {
      return await Qmp.connect(host, socketsOf(directory).qmp, signal);
    } catch (error) {
      if (options.signal?.aborted === true) throw error;
      const ended = delay === slowest && !(await job.running());
      if (ended || !(await patience.more())) {
        const complaint = qemuComplaint(
          await host.read(`${job.directory}/stderr`, { limit: maxWords, cut: true }).catch(messageOf),
        );
        throw new LaunchError(host.name, complaint, error);
      }
      await sleep(delay, undefined, signal);
    }
  }
};
