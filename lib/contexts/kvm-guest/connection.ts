import { Kvm4nfvError } from '../../error.js';
import type { HostFacts } from '../../host/facts.js';
import type { Host } from '../../host/host.js';
import type { Hypervisor } from '../../libvirt/hypervisor.js';
import { checkUri, openHypervisor } from '../../libvirt/open.js';
import { startPrivateDaemon, type PrivateDaemon } from '../../libvirt/private-daemon.js';

export interface Connection extends AsyncDisposable {
  readonly hypervisor: Hypervisor;
  /** Its libvirtd is the run's own: what it remembers ends with it. */
  readonly own: boolean;
}

export interface ConnectionOptions {
  readonly run: string;
  /** libvirt's URI, or `auto`. */
  readonly uri: string;
  readonly implementation: 'auto' | 'binding' | 'virsh';
  readonly signal: AbortSignal;
}

interface Shared {
  readonly starting: Promise<PrivateDaemon>;
  users: number;
}

/** The run's own daemon of each host: its first guest starts it, its last ends it. */
const daemons = new WeakMap<Host, Map<string, Shared>>();

const daemonName = 'libvirtd';

const shareDaemon = async (host: Host, { run, signal }: ConnectionOptions): Promise<PrivateDaemon> => {
  const ofHost = daemons.get(host) ?? new Map<string, Shared>();
  daemons.set(host, ofHost);
  const shared = ofHost.get(run) ?? { starting: startPrivateDaemon(host, run, daemonName, signal), users: 0 };
  ofHost.set(run, shared);
  shared.users += 1;
  const leave = async (): Promise<void> => {
    shared.users -= 1;
    if (shared.users > 0) return;
    ofHost.delete(run);
    await (await shared.starting)[Symbol.asyncDispose]();
  };
  try {
    const { uri } = await shared.starting;
    return { uri, [Symbol.asyncDispose]: leave };
  } catch (error) {
    ofHost.delete(run);
    throw error;
  }
};

const systemSockets = ['/run/libvirt/virtqemud-sock', '/run/libvirt/libvirt-sock'];
const bothTools = 'PATH=$PATH:/usr/sbin:/sbin; command -v virsh >/dev/null && command -v libvirtd >/dev/null';
const anySocket = 'for socket; do [ -S "$socket" ] && exit 0; done; exit 1';

/** The URI of the system's libvirtd where one answers; undefined where none runs. */
const systemUri = async (host: Host, signal: AbortSignal): Promise<string | undefined> => {
  const found = await host.exec(['sh', '-c', anySocket, 'sh', ...systemSockets], { check: false, signal });
  if (found.exitCode !== 0) return undefined;
  const answers = await host.exec(['virsh', '-c', 'qemu:///system', 'version'], {
    check: false,
    signal,
    timeout: 20_000,
  });
  return answers.exitCode === 0 ? 'qemu:///system' : undefined;
};

const ofThisMachine = /^qemu(?:\+unix)?:\/\/\//;

/** A guest's disk, console and leases are files of the host, so its QEMU must run there too. */
const checkLocal = (uri: string): string => {
  if (ofThisMachine.test(checkUri(uri))) return uri;
  throw new Kvm4nfvError('E_LIBVIRT_URI', `connection '${uri}' leads to another machine than the guest's host`, {
    hint: "name that machine below 'hosts' and make it the context's host: its libvirt is reached through SSH then",
  });
};

/** libvirt on a host: the URI given, else the system's where it runs, else a daemon of the run's own (root), else the user's session. */
export const connect = async (host: Host, facts: HostFacts, options: ConnectionOptions): Promise<Connection> => {
  const { implementation, signal } = options;
  const open = async (uri: string, daemon?: PrivateDaemon): Promise<Connection> => {
    const hypervisor = await openHypervisor(host, uri, { implementation });
    return {
      hypervisor,
      own: daemon !== undefined,
      [Symbol.asyncDispose]: async () => {
        await hypervisor[Symbol.asyncDispose]();
        await daemon?.[Symbol.asyncDispose]();
      },
    };
  };
  if (options.uri !== 'auto') return open(checkLocal(options.uri));
  const system = await systemUri(host, signal);
  if (system !== undefined) return open(system);
  const tools = await host.exec(['sh', '-c', bothTools], { check: false, signal });
  if (tools.exitCode !== 0)
    throw new Kvm4nfvError('E_NO_LIBVIRT', `${host.name} has no libvirt (no virsh or no libvirtd)`, {
      hint: 'install libvirt-daemon-system, libvirt-clients and qemu-system-x86 there',
    });
  if (!facts.user.root) return open('qemu:///session');
  const daemon = await shareDaemon(host, options);
  return open(daemon.uri, daemon);
};
