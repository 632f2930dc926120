import type { Bytes, Nanoseconds } from '../measure/units.js';
import type { Ownership } from './ownership.js';

/** As virDomainState. */
export type DomainState =
  'nostate' | 'running' | 'blocked' | 'paused' | 'shutdown' | 'shutoff' | 'crashed' | 'pmsuspended';

export interface DomainSummary {
  readonly name: string;
  readonly uuid: string;
  /** Absent where it does not run. */
  readonly id?: number;
}

export interface DomainInfo {
  readonly state: DomainState;
  readonly maxMemory: Bytes;
  readonly memory: Bytes;
  readonly vcpus: number;
  /** CPU time used so far. */
  readonly cpuTime: Nanoseconds;
}

export interface OwnedDomain extends DomainSummary, Ownership {}

/** Physical CPUs that each part of a domain may run on. */
export interface Pinning {
  readonly vcpus: ReadonlyMap<number, readonly number[]>;
  readonly emulator: readonly number[];
  readonly iothreads: ReadonlyMap<number, readonly number[]>;
}

export interface InterfaceAddress {
  readonly interface: string;
  /** Lower case, colons. */
  readonly mac?: string;
  readonly family: 'ipv4' | 'ipv6';
  readonly address: string;
  readonly prefix: number;
}

/** Job and migration statistics. Absent: libvirt did not tell it. */
export interface JobInfo {
  readonly type: 'none' | 'bounded' | 'unbounded' | 'completed' | 'failed' | 'cancelled';
  /** virDomainJobOperation's number. */
  readonly operation?: number;
  readonly elapsed?: Nanoseconds;
  readonly downtime?: Nanoseconds;
  readonly setup?: Nanoseconds;
  readonly dataTotal?: Bytes;
  readonly dataProcessed?: Bytes;
  readonly dataRemaining?: Bytes;
  readonly memoryTotal?: Bytes;
  readonly memoryProcessed?: Bytes;
  readonly memoryRemaining?: Bytes;
  readonly memoryBandwidth?: Bytes;
  readonly iterations?: number;
  readonly dirtyRate?: number;
  /** Everything, by libvirt's own names. */
  readonly raw: Readonly<Record<string, number | string>>;
}

export interface MigrateOptions {
  /** Default: true. */
  readonly live?: boolean;
  readonly peerToPeer?: boolean;
  readonly tunnelled?: boolean;
  readonly persistent?: boolean;
  readonly undefineSource?: boolean;
  readonly suspend?: boolean;
  readonly unsafe?: boolean;
  readonly autoConverge?: boolean;
  readonly postcopy?: boolean;
  readonly postcopyAfterPrecopy?: boolean;
  readonly copyStorage?: 'all' | 'incremental';
  /** Number of connections; above 1 turns on multifd. */
  readonly parallel?: number;
  readonly compressed?: boolean;
  /** Mebibytes per second. */
  readonly bandwidth?: number;
  /** URI for the memory stream, such as tcp://192.0.2.2. */
  readonly migrateUri?: string;
  readonly listenAddress?: string;
  readonly destinationName?: string;
  /** Document for the destination. */
  readonly xml?: string;
  /** Milliseconds for the whole migration. Default: one hour. */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
}

export interface LifecycleEvent {
  readonly domain: string;
  readonly event:
    'defined' | 'undefined' | 'started' | 'suspended' | 'resumed' | 'stopped' | 'shutdown' | 'pmsuspended' | 'crashed';
  /** libvirt's word for the reason, lower case, such as `destroyed`, `migrated`, `booted`. */
  readonly detail: string;
  /** By the clock of the host that virsh runs on, nanoseconds since the epoch. */
  readonly at: bigint;
}

export interface Versions {
  readonly library: string;
  /** Such as `QEMU`. */
  readonly driver: string;
  readonly hypervisor: string;
  readonly daemon?: string;
}

export interface NodeDevice {
  readonly name: string;
  readonly xml: string;
}

/** QMP command. */
export interface MonitorCommand {
  readonly execute: string;
  readonly arguments?: Readonly<Record<string, unknown>>;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** Milliseconds. Default: 60 s, for what starts a guest 5 min. */
  readonly timeout?: number;
}

export interface CreateOptions extends CallOptions {
  readonly paused?: boolean;
  readonly validate?: boolean;
}
