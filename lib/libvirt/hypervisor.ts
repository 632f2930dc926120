import type { Host } from '../host/host.js';
import type { Capabilities } from './parse/capabilities.js';
import type { DomainCapabilities } from './parse/domain-capabilities.js';
import type {
  CallOptions,
  CreateOptions,
  DomainInfo,
  DomainSummary,
  InterfaceAddress,
  JobInfo,
  LifecycleEvent,
  MigrateOptions,
  MonitorCommand,
  NodeDevice,
  OwnedDomain,
  Pinning,
  Versions,
} from './types.js';

/** Making, starting and ending domains. */
export interface Lifecycle {
  /**
   * Creates and starts a transient domain. `paused`: its CPUs wait for {@link resume}. `validate`: what libvirt does not
   * know is refused; it drops such elements without a word otherwise. Default: true.
   */
  create(xml: string, options?: CreateOptions): Promise<void>;
  /** Makes a persistent domain, not started. */
  define(xml: string, options?: Omit<CreateOptions, 'paused'>): Promise<void>;
  /** Starts a persistent domain. */
  start(domain: string, options?: CallOptions & { readonly paused?: boolean }): Promise<void>;
  undefine(domain: string, options?: CallOptions): Promise<void>;
  /** Ends it at once. */
  destroy(domain: string, options?: CallOptions): Promise<void>;
  /** Asks the guest to power off and does not wait for it. `agent` asks through the guest agent instead of ACPI. */
  shutdown(domain: string, options?: CallOptions & { readonly mode?: 'acpi' | 'agent' }): Promise<void>;
  suspend(domain: string, options?: CallOptions): Promise<void>;
  resume(domain: string, options?: CallOptions): Promise<void>;
  /** Stops a domain and writes its state to a file of the hypervisor's host. */
  save(domain: string, path: string, options?: CallOptions): Promise<void>;
  /** Starts a domain from a saved state; `xml` replaces the document in it. */
  restore(path: string, options?: CallOptions & { readonly paused?: boolean; readonly xml?: string }): Promise<void>;
  /** The document that a saved state carries. */
  savedXml(path: string, options?: CallOptions): Promise<string>;
}

/** What domains there are and how they are. */
export interface Queries {
  /** All domains, running or not, anybody's. */
  list(options?: CallOptions): Promise<readonly DomainSummary[]>;
  /** The domains that carry our mark, of one run where it is given. */
  ours(run?: string, options?: CallOptions): Promise<readonly OwnedDomain[]>;
  /** Undefined where there is none. */
  lookup(domain: string, options?: CallOptions): Promise<DomainSummary | undefined>;
  xml(
    domain: string,
    options?: CallOptions & { readonly inactive?: boolean; readonly migratable?: boolean },
  ): Promise<string>;
  info(domain: string, options?: CallOptions): Promise<DomainInfo>;
  /** Every statistic by libvirt's own name, such as `vcpu.0.wait`. */
  statistics(domain: string, options?: CallOptions): Promise<Readonly<Record<string, number | string>>>;
}

/** Which CPUs the parts of a domain run on. */
export interface PinningCalls {
  pinVcpu(domain: string, vcpu: number, cpus: readonly number[], options?: CallOptions): Promise<void>;
  pinEmulator(domain: string, cpus: readonly number[], options?: CallOptions): Promise<void>;
  pinIoThread(domain: string, iothread: number, cpus: readonly number[], options?: CallOptions): Promise<void>;
  pinning(domain: string, options?: CallOptions): Promise<Pinning>;
}

/** What the guest and its QEMU tell. */
export interface GuestCalls {
  interfaceAddresses(
    domain: string,
    source: 'lease' | 'agent' | 'arp',
    options?: CallOptions,
  ): Promise<readonly InterfaceAddress[]>;
  /** A QMP command; gives what it returned. */
  monitor(domain: string, command: MonitorCommand, options?: CallOptions): Promise<unknown>;
  /** A guest agent command; gives what it returned. */
  agent(domain: string, command: MonitorCommand, options?: CallOptions): Promise<unknown>;
}

/** Long operations: migration above all. */
export interface JobCalls {
  /** `completed`: the last one that ended; libvirt forgets it with a transient domain. */
  job(domain: string, options?: CallOptions & { readonly completed?: boolean }): Promise<JobInfo>;
  abortJob(domain: string, options?: CallOptions): Promise<void>;
  migrate(domain: string, destination: string, options?: MigrateOptions): Promise<void>;
  /** Switches a running post-copy migration over. */
  migratePostcopy(domain: string, options?: CallOptions): Promise<void>;
  /** Milliseconds. */
  setMaxDowntime(domain: string, downtime: number, options?: CallOptions): Promise<void>;
}

/** What the hypervisor and its host can do. */
export interface NodeCalls {
  capabilities(options?: CallOptions): Promise<Capabilities>;
  domainCapabilities(
    wanted?: {
      readonly type?: 'kvm' | 'qemu';
      readonly machine?: string;
      readonly arch?: string;
      readonly emulator?: string;
    },
    options?: CallOptions,
  ): Promise<DomainCapabilities>;
  /** Devices of the host that have a capability such as `pci`, `net`, `vf`. */
  nodeDevices(capability: string, options?: CallOptions): Promise<readonly NodeDevice[]>;
  versions(options?: CallOptions): Promise<Versions>;
}

/** Virtual networks. */
export interface NetworkCalls {
  /** Creates a transient network. Gives its name. */
  createNetwork(xml: string, options?: CallOptions): Promise<string>;
  destroyNetwork(network: string, options?: CallOptions): Promise<void>;
  networkXml(network: string, options?: CallOptions): Promise<string>;
  /** Names of the networks that carry our mark, of one run where it is given. */
  ourNetworks(run?: string, options?: CallOptions): Promise<readonly string[]>;
}

/** What happens to domains. */
export interface EventCalls {
  /**
   * Lifecycle events from now on, until the signal: it listens when this resolves, so that nothing after it is missed.
   * `run` owns the listening process on the host.
   */
  events(options: {
    readonly run: string;
    readonly signal: AbortSignal;
    readonly domain?: string;
  }): Promise<AsyncIterable<LifecycleEvent>>;
}

/**
 * libvirt on one host, over one URI. A domain is named by its name or UUID. Every call throws {@link LibvirtError} with
 * libvirt's own text. Nothing here looks at who owns an object: ask `ours` before touching one.
 */
export interface Hypervisor
  extends Lifecycle, Queries, PinningCalls, GuestCalls, JobCalls, NodeCalls, NetworkCalls, EventCalls, AsyncDisposable {
  readonly host: Host;
  readonly uri: string;
  readonly implementation: 'virsh' | 'binding';
}
