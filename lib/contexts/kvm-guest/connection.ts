import { Kvm4nfvError } from '../../error.js';
import type { HostFacts } from '../../host/facts.js';
import type { Host } from '../../host/host.js';
import { LibvirtError } from '../../libvirt/error.js';
import type { Hypervisor } from '../../libvirt/hypervisor.js';
import { checkUri, openHypervisor } from '../../libvirt/open.js';
import { startPrivateDaemon, type PrivateDaemon } from '../../libvirt/private-daemon.js';
import { virshErrors } from '../../libvirt/virsh/client.js';

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

// A line for each socket of a system's daemon that is there, and for each program that is installed.
const lookScript = `
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
[ ! -S /run/libvirt/virtqemud-sock ] || echo 'socket virtqemud'
[ ! -S /run/libvirt/libvirt-sock ] || echo 'socket libvirtd'
for program in virsh libvirtd virtqemud; do ! command -v "$program" >/dev/null || echo "program $program"; done
exit 0
`;

interface Found {
  /** Daemons of the system whose sockets are there. */
  readonly sockets: readonly string[];
  readonly programs: readonly string[];
}

const lookForLibvirt = async (host: Host, signal: AbortSignal): Promise<Found> => {
  const { stdout } = await host.exec(['sh', '-c', lookScript], { signal });
  const named = (kind: string): string[] =>
    stdout.split('\n').flatMap((line) => (line.startsWith(`${kind} `) ? [line.slice(kind.length + 1)] : []));
  return { sockets: named('socket'), programs: named('program') };
};

const systemUri = 'qemu:///system';

/** What libvirt says why the system's daemon can't be used; undefined where it answers. */
const refusalOf = async (host: Host, signal: AbortSignal): Promise<LibvirtError | undefined> => {
  const argv = ['env', 'LC_ALL=C', 'virsh', '-q', '-c', systemUri, 'version'];
  const { exitCode, signal: killed, stderr } = await host.exec(argv, { check: false, signal, timeout: 20_000 });
  if (exitCode === 0) return undefined;
  const said = virshErrors(stderr).at(-1) ?? (stderr.trim() || `virsh ended with ${String(exitCode ?? killed)}`);
  return new LibvirtError(said, { action: 'connect', uri: systemUri, host: host.name });
};

/** No daemon of the system can be used, and none can be started: why. */
const unusable = (host: Host, { programs }: Found, refusal: LibvirtError | undefined): Kvm4nfvError => {
  if (!programs.includes('virsh'))
    return new Kvm4nfvError('E_NO_LIBVIRT', `${host.name} has no virsh`, {
      hint: 'install libvirt-clients there, and libvirt-daemon-system and qemu-system-x86',
    });
  if (refusal !== undefined) return refusal;
  if (programs.includes('virtqemud'))
    return new Kvm4nfvError('E_NO_LIBVIRT', `${host.name}: virtqemud is installed, but its socket is not there`, {
      hint: 'start it there: systemctl start virtqemud.socket',
    });
  return new Kvm4nfvError('E_NO_LIBVIRT', `${host.name} has no libvirt: neither libvirtd nor virtqemud is installed`, {
    hint: 'install libvirt-daemon-system, libvirt-clients and qemu-system-x86 there',
  });
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
  const found = await lookForLibvirt(host, signal);
  const { sockets, programs } = found;
  const asked = sockets.length > 0 && programs.includes('virsh');
  const refusal = asked ? await refusalOf(host, signal) : undefined;
  if (asked && refusal === undefined) return open(systemUri);
  // For a session virsh itself starts the daemon, of either kind.
  const daemons = facts.user.root ? ['libvirtd'] : ['libvirtd', 'virtqemud'];
  if (!programs.includes('virsh') || !daemons.some((daemon) => programs.includes(daemon)))
    throw unusable(host, found, refusal);
  if (!facts.user.root) return open('qemu:///session');
  const daemon = await shareDaemon(host, options);
  return open(daemon.uri, daemon);
};
