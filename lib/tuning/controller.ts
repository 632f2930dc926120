import { readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';

/** Who holds a lease: this process, so told that another process of the same machine can see whether it still lives. */
export interface Controller {
  readonly host: string;
  readonly pid: number;
  /** Where the machine shows them: its id, boot id, the process's namespace and its start time in clock ticks since boot. */
  readonly machine: string;
  readonly boot: string;
  readonly namespace: string;
  readonly started: string;
}

const orEmpty = async (reading: Promise<string>): Promise<string> => {
  try {
    return (await reading).trim();
  } catch {
    return '';
  }
};

const startOf = async (pid: number): Promise<string> => {
  const stat = await orEmpty(readFile(`/proc/${String(pid)}/stat`, 'utf8'));
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
};

/** This process. */
export const thisController = async (): Promise<Controller> => ({
  host: hostname(),
  pid: process.pid,
  machine: await orEmpty(readFile('/etc/machine-id', 'utf8')),
  boot: await orEmpty(readFile('/proc/sys/kernel/random/boot_id', 'utf8')),
  namespace: await orEmpty(readlink('/proc/self/ns/pid')),
  started: await startOf(process.pid),
});

/** Whether a controller still lives, as far as this machine can tell: of another machine it can't. */
export const lives = async (controller: Controller): Promise<boolean | undefined> => {
  const self = await thisController();
  const sameMachine = controller.machine === '' ? controller.host === self.host : controller.machine === self.machine;
  if (controller.boot !== self.boot) return sameMachine ? false : undefined;
  if (controller.namespace !== self.namespace) return undefined;
  const started = await startOf(controller.pid);
  return started !== '' && (controller.started === '' || started === controller.started);
};
