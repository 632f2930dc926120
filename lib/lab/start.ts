import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Kvm4nfvError, messageOf } from '../error.js';
import type { Host, Job } from '../host/host.js';
import { maxWords } from '../host/limits.js';
import { Patience, slownessOf } from '../host/patience.js';
import { firstBootDisk, restoreLine } from '../image/first-boot.js';
import { newGuestKeys, type GuestKeys } from '../image/keys.js';
import { waitForConsole, waitForText, type WaitOptions } from './console.js';
import type { Definition } from './definition.js';
import { readyLine } from './host-setup.js';
import { checkMachineName, prepareInstance, removeInstance, type MachineName, type Prepared } from './instance.js';
import { connectMonitor, LaunchError, portTaken } from './launch.js';
import { managementNetwork, qemuArguments, socketsOf, type MachineParts } from './machine.js';
import { labDirectory, type LabOptions } from './places.js';
import { pstateTable } from './pstates.js';
import type { Qmp } from './qmp.js';
import { machineDigest, stateCapabilities, type SavedState } from './saved.js';
import { timerLost } from './stall.js';
import { createVfs } from './vfs.js';
import { jobName, VirtualHost, writeRecord } from './virtual-host.js';

export interface StartOptions extends LabOptions, MachineName {
  /** Host name inside. Default: `dut`. */
  readonly hostname?: string;
  /** A saved state of the same definition; without it the machine boots. */
  readonly state?: SavedState;
  /** Default: new ones. */
  readonly keys?: GuestKeys;
  /** `ssh`: its sshd answers. `booted`: its boot is over too. After a restore both are true at once. Default: `booted`. */
  readonly until?: 'ssh' | 'booted';
  /** Milliseconds until then. Default: 15 minutes for a boot, 3 for a restore. */
  readonly timeout?: number;
  readonly progress?: (stage: string) => void;
}

/** What a machine is started with, each time that it is. */
export const partsOf = (definition: Definition, machine: MachineName, prepared: Prepared): MachineParts => {
  const { image, images, options } = definition;
  const { directory, sshPort, wire } = prepared;
  return {
    name: `${machine.run}-${machine.name}`,
    directory,
    kernel: image.kernel,
    initrd: image.initrd,
    cmdline: image.cmdline,
    disk: { path: `${directory}/disk.qcow2`, format: 'qcow2' },
    data: `${directory}/data.raw`,
    sshPort,
    wire,
    macs: machineDigest(options),
    ...(options.pstates ? { acpiTable: `${directory}/pstates.aml` } : {}),
    ...(images === undefined ? {} : { images }),
  };
};

const writeBytes = async (host: Host, path: string, bytes: Uint8Array): Promise<void> => {
  await host.exec(['dd', 'status=none', `of=${path}`], { stdin: bytes });
};

const launches = 4;
const monitorTimeout = 60_000;

interface Launched {
  readonly prepared: Prepared;
  readonly job: Job;
  readonly monitor: Qmp;
}

/** Starts QEMU, with other ports when somebody took one meanwhile. */
const launch = async (
  host: Host,
  lab: string,
  definition: Definition,
  start: StartOptions,
  keys: GuestKeys,
): Promise<Launched> => {
  const { run, name, state, signal } = start;
  const { image, tree, options } = definition;
  const backing = state === undefined ? { path: image.disk, format: image.format } : state.disk;
  for (let tries = 1; ; tries++) {
    const prepared = await prepareInstance(host, lab, { run, name }, { imageTool: tree.imageTool, backing }, signal);
    let job: Job | undefined;
    try {
      const parts = partsOf(definition, start, prepared);
      const data = { id: randomUUID(), hostname: start.hostname ?? 'dut', keys, networks: [managementNetwork] };
      await firstBootDisk(host, data, parts.data);
      if (parts.acpiTable !== undefined) await writeBytes(host, parts.acpiTable, pstateTable(options.vcpus));
      const argv = [tree.emulator, ...qemuArguments(options, { ...parts, incoming: state !== undefined })];
      job = await host.start({ run, name: jobName(name), argv });
      const timeout = { timeout: monitorTimeout, ...(signal === undefined ? {} : { signal }) };
      return { prepared, job, monitor: await connectMonitor(host, job, prepared.directory, timeout) };
    } catch (error) {
      await job?.[Symbol.asyncDispose]();
      await removeInstance(host, lab, `${run}/${name}`);
      if (tries >= launches || !(error instanceof LaunchError && portTaken(error.complaint))) throw error;
    }
  }
};

const loadState = async (monitor: Qmp, state: SavedState, { patience, ...signal }: WaitOptions): Promise<void> => {
  await stateCapabilities(monitor);
  const loaded = monitor.event(
    ({ event, data }) => event === 'MIGRATION' && (data['status'] === 'completed' || data['status'] === 'failed'),
    { ...signal, timeout: patience.left },
  );
  await Promise.all([monitor.execute('migrate-incoming', { uri: `file:${state.memory}` }), loaded]);
  if ((await loaded).data['status'] === 'failed')
    throw new Kvm4nfvError('E_QEMU', `QEMU can't load the saved state in ${state.directory}`, {
      hint: 'Remove that directory; it is made again.',
    });
  await monitor.execute('cont');
};

/** The guest that comes back is the one that was saved: it takes over its own name, keys and time now. */
const takeOver = async (host: Host, directory: string, deadline: WaitOptions): Promise<void> => {
  const port = await host.connect(
    { path: socketsOf(directory).control },
    deadline.signal === undefined ? {} : { signal: deadline.signal },
  );
  try {
    const answer = waitForText(
      port,
      'control port',
      (text) => /^(applied|failed|unknown) .*$/m.exec(text)?.[0],
      deadline,
    );
    port.write(restoreLine());
    const said = await answer;
    if (!said.startsWith('applied '))
      throw new Kvm4nfvError('E_LAB_START', `The restored machine did not take over its data: ${said}`);
  } finally {
    port.destroy();
  }
};

/** Of the time that it has taken so far: each try costs an sshd process there, which on a slow machine needs long for its first line. */
const bannerShare = 1 / 2;
const shortestBanner = 5000;
const slowestPoll = 500;

/** QEMU takes connections from its start on; only a banner says that there is an sshd behind. */
const waitForSsh = async (host: Host, port: number, job: Job, deadline: WaitOptions): Promise<void> => {
  const { patience, ...aborting } = deadline;
  const began = performance.now();
  for (let delay = 20; ; delay = Math.min(2 * delay, slowestPoll)) {
    try {
      const stream = await host.connect({ host: '127.0.0.1', port }, aborting);
      try {
        const long = Math.max(shortestBanner, (performance.now() - began) * bannerShare);
        const wait = { ...aborting, patience: new Patience(Math.min(long, patience.left), () => Promise.resolve(1)) };
        await waitForText(
          stream,
          `SSH on port ${String(port)}`,
          (text) => (text.startsWith('SSH-') ? true : undefined),
          wait,
        );
        return;
      } finally {
        stream.destroy();
      }
    } catch (error) {
      if (deadline.signal?.aborted === true) throw error;
      if (!(await patience.more()) || !(await job.running()))
        throw new Kvm4nfvError('E_LAB_START', `No sshd on port ${String(port)}: ${messageOf(error)}`, { cause: error });
      await sleep(delay, undefined, aborting);
    }
  }
};

const withConsole = async (error: unknown, host: Host, directory: string): Promise<unknown> => {
  if (Kvm4nfvError.is(error) && error.fault === 'interrupted') return error;
  const log = await host.read(`${directory}/console.log`, { limit: maxWords, cut: true }).catch(() => '');
  const last = log.trim().split('\n').slice(-8).join('\n');
  return new Kvm4nfvError(
    'E_LAB_START',
    `${messageOf(error)}${last === '' ? '' : `\nThe console's last lines:\n${last}`}`,
    {
      cause: error,
    },
  );
};

const bootTimeout = 15 * 60_000;
const restoreTimeout = 3 * 60_000;

/** A boot that takes longer than usual must at least go on saying something. */
export const bootPatience = (host: Host, directory: string, timeout = bootTimeout): Patience =>
  new Patience(
    timeout,
    () => slownessOf(host),
    async () => (await host.exec(['stat', '-c', '%s', `${directory}/console.log`])).stdout,
  );

const restorePatience = (host: Host, timeout = restoreTimeout): Patience =>
  new Patience(timeout, () => slownessOf(host));

const startOnce = async (host: Host, definition: Definition, start: StartOptions): Promise<VirtualHost> => {
  const { run, name, state, signal, progress } = start;
  const began = Date.now();
  const stages: Record<string, number> = {};
  const reached = (stage: string): void => {
    stages[stage] = Date.now() - began;
    progress?.(stage);
  };
  const lab = await labDirectory(host, start);
  const keys = start.keys ?? newGuestKeys(run, name);
  const { prepared, job, monitor } = await launch(host, lab, definition, start, keys);
  const { directory, sshPort, wire } = prepared;
  const deadline = {
    patience:
      start.state === undefined ? bootPatience(host, directory, start.timeout) : restorePatience(host, start.timeout),
    ...(signal === undefined ? {} : { signal }),
  };
  const parts = { run, name, host, lab, directory, job, privateKey: keys.client.privateKey, stages };
  reached('started');
  try {
    const record = {
      ...{ schemaVersion: 1 as const, run, name, sshPort, wire, hostKey: keys.host.publicKey },
      ...{ startedAt: new Date(began).toISOString(), options: { ...definition.options } },
      ...(state === undefined ? {} : { state: state.digest }),
    };
    const written = writeRecord(host, directory, record, keys.client.privateKey);
    await Promise.all([written, state === undefined ? undefined : loadState(monitor, state, deadline)]);
    await monitor[Symbol.asyncDispose]();
    if (state !== undefined) {
      reached('loaded');
      await takeOver(host, directory, deadline);
      reached('applied');
    }
    await waitForSsh(host, sshPort, job, deadline);
    reached('ssh');
    if (state === undefined && start.until !== 'ssh') {
      const place = { socket: socketsOf(directory).console, log: `${directory}/console.log` };
      await waitForConsole(host, place, readyLine, deadline);
      reached('booted');
    }
    const machine = new VirtualHost({ ...parts, record });
    if (definition.options.vfs > 0) {
      await using guest = await machine.connect(signal === undefined ? {} : { signal });
      await createVfs(guest, definition.options.vfs, signal);
      reached('vfs');
    }
    return machine;
  } catch (error) {
    const told = await withConsole(error, host, directory);
    await monitor[Symbol.asyncDispose]();
    await job[Symbol.asyncDispose]();
    await removeInstance(host, lab, `${run}/${name}`);
    throw told;
  }
};

/** How often a machine is booted whose CPUs lose their timers. */
export const boots = 3;

/** Boots it; anew, a few times, where a CPU of it has lost its timer. */
const boot = async (host: Host, definition: Definition, start: StartOptions): Promise<VirtualHost> => {
  const lab = await labDirectory(host, start);
  const log = `${lab}/machines/${checkMachineName(start)}/console.log`;
  for (let tries = 1; tries < boots; tries += 1) {
    const [stalled, over] = [new AbortController(), new AbortController()];
    const asked = start.signal === undefined ? [] : [start.signal];
    const watching = timerLost(host, log, AbortSignal.any([...asked, over.signal])).then(
      () => {
        stalled.abort();
      },
      () => undefined,
    );
    try {
      const signal = AbortSignal.any([...asked, stalled.signal]);
      return await startOnce(host, definition, { ...start, signal });
    } catch (error) {
      if (!stalled.signal.aborted || start.signal?.aborted === true) throw error;
      start.progress?.('one of its CPUs has lost its timer, a fault of emulation: booting anew');
    } finally {
      over.abort();
      await watching;
    }
  }
  return startOnce(host, definition, start);
};

/** Starts a virtual host on `host`: boots it, or restores it from a saved state of its definition on a disk of its own. */
export const startVirtualHost = (host: Host, definition: Definition, start: StartOptions): Promise<VirtualHost> =>
  start.state === undefined ? boot(host, definition, start) : startOnce(host, definition, start);
