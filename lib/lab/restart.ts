import type { Host } from '../host/host.js';
import type { ExternalCommandLine } from '../tuning/bootloader.js';
import { waitForConsole } from './console.js';
import type { Definition } from './definition.js';
import { readyLine } from './host-setup.js';
import { connectMonitor } from './launch.js';
import { kernelCommandLine, qemuArguments, socketsOf } from './machine.js';
import { timerLost } from './stall.js';
import { bootPatience, boots, partsOf } from './start.js';
import { createVfs } from './vfs.js';
import { endJob, jobName, type VirtualHost } from './virtual-host.js';

const powerOffWithin = 60_000;
const monitorTimeout = 60_000;

/** Lets the machine power off, so that its file systems are whole; ends it where it does not. */
const powerOff = async (guest: Host, { job }: VirtualHost): Promise<void> => {
  await guest.exec(['systemctl', 'poweroff'], { check: false, timeout: 30_000 }).catch(() => undefined);
  await job.wait({ timeout: powerOffWithin }).catch(() => undefined);
  await endJob(job);
};

/** Boots it from its own disk, with its own ports and keys. Not to be interrupted, since it also puts things back. */
const bootAgain = async (machine: VirtualHost, definition: Definition, parameters: string): Promise<void> => {
  const { host, run, name, directory, record, wire } = machine;
  const parts = partsOf(definition, machine, { directory, sshPort: record.sshPort, wire });
  const argv = [definition.tree.emulator, ...qemuArguments(definition.options, { ...parts, parameters })];
  const job = await host.start({ run, name: jobName(name), argv });
  machine.job = job;
  await (await connectMonitor(host, job, directory, { timeout: monitorTimeout }))[Symbol.asyncDispose]();
};

/** The same until it is up; anew, a few times, where a CPU of it has lost its timer. */
const bootUntilReady = async (machine: VirtualHost, definition: Definition, parameters: string): Promise<void> => {
  const { host, directory } = machine;
  const place = { socket: socketsOf(directory).console, log: `${directory}/console.log` };
  for (let tries = 1; ; tries += 1) {
    await bootAgain(machine, definition, parameters);
    const over = new AbortController();
    const lost = timerLost(host, place.log, over.signal).then(
      () => true,
      () => false,
    );
    const ready = waitForConsole(host, place, readyLine, {
      patience: bootPatience(host, directory),
      signal: over.signal,
    });
    try {
      if ((await Promise.race([lost, ready])) !== true || tries >= boots) return;
    } finally {
      over.abort();
      await Promise.allSettled([lost, ready]);
    }
    await endJob(machine.job);
  }
};

/**
 * The kernel command line of a virtual host: its kernel is started by QEMU, so it takes another QEMU on the same disk to
 * change it. `guest` is the machine as a host.
 */
export const virtualHostCommandLine = (
  machine: VirtualHost,
  definition: Definition,
  guest: Host,
): ExternalCommandLine => {
  const { image, images, options } = definition;
  let parameters = kernelCommandLine(options, { cmdline: image.cmdline, ...(images === undefined ? {} : { images }) });
  return {
    configured: () => Promise.resolve(parameters),
    set: (text) => {
      parameters = text;
      return Promise.resolve();
    },
    reboot: async () => {
      await powerOff(guest, machine);
      await bootUntilReady(machine, definition, parameters);
    },
    rebooted: async () => {
      if (options.vfs > 0) await createVfs(guest, options.vfs);
    },
  };
};
