import type { Host, Job } from '../host/host.js';
import { quoteArgv } from '../host/quote.js';
import type { HostSpec } from '../host/spec.js';
import { openSshHost } from '../host/ssh/open.js';
import { knownHostsLine } from '../image/keys.js';
import { removeInstance, type MachineName, type MachineRecord } from './instance.js';
import { socketsOf } from './machine.js';
import { labDirectory, type LabOptions } from './places.js';
import type { WireEnds } from './ports.js';
import { Qmp } from './qmp.js';

/** Milliseconds from the start to each stage. */
export type Stages = Readonly<Record<string, number>>;

export interface VirtualHostParts extends MachineName {
  readonly host: Host;
  readonly lab: string;
  readonly directory: string;
  readonly job: Job;
  readonly record: MachineRecord;
  /** OpenSSH's format. */
  readonly privateKey: string;
  readonly stages: Stages;
}

/** How the job of a machine is called within its run. */
export const jobName = (name: string): string => `lab-${name}`;

/** Nothing in a machine is worth a shutdown; its disk is thrown away. */
export const endJob = async (job: Job): Promise<void> => {
  await job.cancel({ grace: 200 });
  await job[Symbol.asyncDispose]();
};

/** An emulated host that runs. Disposing ends it and removes what it left. */
export class VirtualHost implements AsyncDisposable {
  readonly host: Host;
  readonly run: string;
  readonly name: string;
  readonly directory: string;
  readonly record: MachineRecord;
  readonly stages: Stages;
  readonly #lab: string;
  readonly #privateKey: string;
  #job: Job;

  constructor(parts: VirtualHostParts) {
    this.host = parts.host;
    this.run = parts.run;
    this.name = parts.name;
    this.directory = parts.directory;
    this.#job = parts.job;
    this.record = parts.record;
    this.stages = parts.stages;
    this.#lab = parts.lab;
    this.#privateKey = parts.privateKey;
  }

  get wire(): WireEnds {
    return this.record.wire;
  }

  /** Its QEMU. */
  get job(): Job {
    return this.#job;
  }

  /** Its QEMU was started anew. */
  set job(job: Job) {
    this.#job = job;
  }

  get #address(): HostSpec {
    return { address: '127.0.0.1', port: this.record.sshPort, user: 'root', host_key: 'strict', agent: false };
  }

  /** Opens the machine as a host, through SSH, as root. The caller disposes it. */
  connect(options: { readonly signal?: AbortSignal; readonly deadline?: number } = {}): Promise<Host> {
    const via = this.host.transport === 'local' ? {} : { via: this.host };
    const hostKey = this.record.hostKey.split(' ').slice(0, 2).join(' ');
    return openSshHost(this.name, this.#address, {
      ...options,
      ...via,
      hostKeys: [hostKey],
      privateKey: this.#privateKey,
      // The user's own ssh_config is about other machines.
      configFile: '/dev/null',
    });
  }

  /** As a suite of its host's own controller names it. */
  get spec(): HostSpec {
    return {
      ...this.#address,
      identity: `${this.directory}/identity`,
      known_hosts: `${this.directory}/known_hosts`,
    };
  }

  /**
   * Argv of OpenSSH's client for a shell on the machine, from its host. Several words are an argv and arrive as they are;
   * a single one is a line for the shell there, as ssh's users know it.
   */
  sshArgv(command: readonly string[] = []): readonly string[] {
    const options = [
      '-F',
      '/dev/null',
      '-i',
      `${this.directory}/identity`,
      '-p',
      String(this.record.sshPort),
      '-l',
      'root',
    ];
    const trust = [
      '-o',
      `UserKnownHostsFile=${this.directory}/known_hosts`,
      '-o',
      'StrictHostKeyChecking=yes',
      '-o',
      'IdentitiesOnly=yes',
    ];
    return ['ssh', ...options, ...trust, '127.0.0.1', ...(command.length > 1 ? [quoteArgv(command)] : command)];
  }

  /** QEMU's monitor: one client at a time. */
  monitor(options: { readonly signal?: AbortSignal } = {}): Promise<Qmp> {
    return Qmp.connect(this.host, socketsOf(this.directory).qmp, options);
  }

  /** All that the console has said. */
  console(): Promise<string> {
    return this.host.read(`${this.directory}/console.log`, { cut: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await endJob(this.#job);
    await removeInstance(this.host, this.#lab, `${this.run}/${this.name}`);
  }
}

/** What a machine's directory keeps so that it is found again: its record, the client's key and the host's. */
export const writeRecord = async (
  host: Host,
  directory: string,
  record: MachineRecord,
  privateKey: string,
): Promise<void> => {
  await Promise.all([
    host.write(`${directory}/identity`, privateKey, { mode: 0o600 }),
    host.write(`${directory}/known_hosts`, knownHostsLine(record.hostKey, '127.0.0.1', record.sshPort)),
  ]);
  await host.write(`${directory}/machine.json`, `${JSON.stringify(record, null, 2)}\n`);
};

/**
 * Removes the directories and ports of a run's virtual hosts whose jobs have been ended (`removeRun` ends them). Says
 * whether there were any.
 */
export const sweepVirtualHosts = async (host: Host, run: string, options: LabOptions = {}): Promise<boolean> =>
  removeInstance(host, await labDirectory(host, options), run);
