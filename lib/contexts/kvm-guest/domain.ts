import { createHash } from 'node:crypto';
import type { DomainOptions } from '../../libvirt/domain/spec.js';
import type { Placement } from '../../libvirt/placement.js';
import { controlPort } from '../../image/first-boot.js';
import type { KvmGuestOptions } from './options.js';
import type { GuestSource } from './source.js';

/** What sets a guest apart from all others of the same definition. */
export interface GuestIdentity {
  readonly run: string;
  readonly context: string;
  readonly name: string;
  readonly uuid: string;
  readonly mac: string;
  /** On the host: everything of the guest is in it. */
  readonly directory: string;
  /** Port of the host's loopback that leads to the guest's SSH, with the `user` network. */
  readonly port: number | undefined;
}

/** Where the files of all guests of a run are: not in memory, for disks grow. */
export const runDirectory = (run: string): string => `/var/tmp/kvm4nfv/${run}`;

const digest = (...parts: readonly string[]): string => createHash('sha256').update(parts.join('\0')).digest('hex');

export const identify = (run: string, context: string, port: number | undefined): GuestIdentity => {
  const hash = digest(run, context);
  const octets = hash.match(/../g) ?? [];
  return {
    run,
    context,
    name: `${context.slice(0, 40)}-${hash.slice(0, 8)}`,
    uuid: [
      hash.slice(0, 8),
      hash.slice(8, 12),
      `4${hash.slice(13, 16)}`,
      `8${hash.slice(17, 20)}`,
      hash.slice(20, 32),
    ].join('-'),
    // Locally administered, unicast; 40 bits of the hash keep guests of different runs apart on one bridge.
    mac: ['52', ...octets.slice(0, 5)].join(':'),
    directory: `${runDirectory(run)}/${context}`,
    port,
  };
};

export const filesOf = ({ directory }: GuestIdentity) => ({
  disk: `${directory}/disk.qcow2`,
  seed: `${directory}/seed.raw`,
  console: `${directory}/console.log`,
  control: `${directory}/control.sock`,
});

/** Devices of the host that a guest is given beside its own. */
export type GuestDevices = Required<Pick<DomainOptions, 'interfaces' | 'hostdevs'>>;

export interface GuestDefinition {
  readonly options: KvmGuestOptions;
  readonly source: GuestSource;
  readonly accelerator: 'kvm' | 'tcg';
  readonly placement: Placement | undefined;
  readonly devices?: GuestDevices;
}

const interfaceOf = (
  { network }: KvmGuestOptions,
  { mac, port }: GuestIdentity,
): NonNullable<DomainOptions['interfaces']>[number] => {
  if (network === 'user')
    return { type: 'user', mac, forwards: port === undefined ? [] : [{ hostPort: port, guestPort: 22 }] };
  if ('network' in network) return { type: 'network', network: network.network, mac };
  return { type: 'bridge', bridge: network.bridge, vhost: false, mac };
};

const memoryOf = (
  { memory, hugepages, profile }: KvmGuestOptions,
  placement: Placement | undefined,
): DomainOptions['memory'] => ({
  size: memory,
  locked: profile === 'realtime',
  sharePages: profile !== 'realtime',
  // Taken at the start and not when first touched: too few of them is an error then, not a SIGBUS while measuring.
  ...(hugepages === undefined ? {} : { hugepages, allocation: 'immediate' as const }),
  ...(placement === undefined || placement.nodes.length === 0
    ? {}
    : { numa: { mode: 'strict', nodes: [...placement.nodes] } }),
});

const tuneOf = (
  { profile, vcpus }: KvmGuestOptions,
  placement: Placement | undefined,
): NonNullable<DomainOptions['tune']> =>
  placement === undefined
    ? {}
    : {
        vcpuPins: placement.vcpus.map((cpus, id) => ({ id, cpus: [...cpus] })),
        emulatorPin: [...placement.housekeeping],
        ...(profile === 'realtime'
          ? { vcpuSchedulers: [{ policy: 'fifo', priority: 1, vcpus: Array.from({ length: vcpus }, (_, id) => id) }] }
          : {}),
      };

const cpuOf = ({ vcpus, profile }: KvmGuestOptions, accelerator: 'kvm' | 'tcg'): DomainOptions['cpu'] => ({
  vcpus,
  topology: { sockets: 1, cores: vcpus, threads: 1 },
  ...(accelerator === 'kvm'
    ? {
        features: { 'tsc-deadline': 'require' },
        ...(profile === 'realtime' ? { hintDedicated: true, pollControl: true } : {}),
      }
    : {}),
});

/** libvirt's options for a guest. Pure. */
export const domainOptions = (
  { options, source, accelerator, placement, devices }: GuestDefinition,
  identity: GuestIdentity,
): DomainOptions => {
  const files = filesOf(identity);
  return {
    name: identity.name,
    uuid: identity.uuid,
    owner: { run: identity.run, context: identity.context },
    accelerator,
    cpu: cpuOf(options, accelerator),
    memory: memoryOf(options, placement),
    tune: tuneOf(options, placement),
    ...(source.boot === undefined ? {} : { boot: source.boot }),
    disks: [
      { path: files.disk, format: 'qcow2', cache: 'unsafe', discard: 'unmap' },
      {
        path: files.seed,
        format: 'raw',
        readOnly: true,
        ...(source.seedSerial === undefined ? {} : { serial: source.seedSerial }),
      },
    ],
    interfaces: [interfaceOf(options, identity), ...(devices?.interfaces ?? [])],
    hostdevs: devices?.hostdevs ?? [],
    console: files.console,
    panic: true,
    // Its agent is who knows an address that somebody else's DHCP server gave.
    agent: options.network !== 'user' && 'bridge' in options.network && options.network.address === undefined,
    onReboot: 'restart',
    fragments: [
      ...(source.restorable
        ? [
            {
              at: 'devices',
              xml: `<channel type="unix"><source mode="bind" path="${files.control}"/><target type="virtio" name="${controlPort}"/></channel>`,
            } as const,
          ]
        : []),
      ...options.xml,
    ],
  };
};
