import { createHash } from 'node:crypto';
import type { DomainOptions } from '../../libvirt/domain/spec.js';
import { controlPort } from '../../image/first-boot.js';
import { cpuOf, disksOf, interfacesOf, memoryOf, tuneOf } from './domain-parts.js';
import type { KvmGuestOptions } from './fields.js';
import type { GuestPlacement } from './placement.js';
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

/** Where the files of all guests of a run are: not in memory, for disks grow. Each user has a directory of his own for his runs. */
export const runDirectory = (run: string, uid = 0): string =>
  `/var/tmp/kvm4nfv${uid === 0 ? '' : `-${String(uid)}`}/${run}`;

const digest = (...parts: readonly string[]): string => createHash('sha256').update(parts.join('\0')).digest('hex');

/** Locally administered, unicast; 40 bits of the hash keep guests of different runs apart on one bridge. */
const macOf = (hash: string): string => ['52', ...(hash.match(/../g) ?? []).slice(0, 5)].join(':');

/** `uid` is the user's on the host. Default: root's. */
export const identify = (run: string, context: string, port: number | undefined, uid = 0): GuestIdentity => {
  const hash = digest(run, context);
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
    mac: macOf(hash),
    directory: `${runDirectory(run, uid)}/${context}`,
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
  readonly placement: GuestPlacement | undefined;
  /** Default: false. */
  readonly invariantTsc?: boolean;
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

/** Has no card on any network of the host's. */
export const usesNoNetwork = ({ network, interfaces }: KvmGuestOptions): boolean =>
  network === 'user' && interfaces.length === 0;

/**
 * Whether a saved state of it can become another guest. What it has of the host can't be saved with it; a card on a network
 * would have the first one's address there, and QEMU refuses to save a guest that was promised an invariant TSC.
 */
export const canBeSaved = ({
  options,
  source,
  accelerator,
  devices,
  invariantTsc = false,
}: GuestDefinition): boolean => {
  const { disks, agent } = options;
  const { invtsc } = cpuOf(options, { accelerator, invariantTsc }).features ?? {};
  return (
    source.restorable &&
    devices === undefined &&
    usesNoNetwork(options) &&
    disks.length === 0 &&
    !agent &&
    invtsc !== 'require' &&
    invtsc !== 'force'
  );
};

/** libvirt's options for a guest. Pure. */
export const domainOptions = (
  { options, source, accelerator, placement, devices, invariantTsc = false }: GuestDefinition,
  identity: GuestIdentity,
): DomainOptions => {
  const files = filesOf(identity);
  return {
    name: identity.name,
    uuid: identity.uuid,
    owner: { run: identity.run, context: identity.context },
    accelerator,
    cpu: cpuOf(options, { accelerator, invariantTsc }),
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
      ...disksOf(options, identity.directory),
    ],
    interfaces: [
      interfaceOf(options, identity),
      ...interfacesOf(options, (index) => macOf(digest(identity.run, identity.context, String(index)))),
      ...(devices?.interfaces ?? []),
    ],
    hostdevs: devices?.hostdevs ?? [],
    console: files.console,
    panic: true,
    // Its agent is who knows an address that somebody else's DHCP server gave.
    agent:
      options.agent ||
      (options.network !== 'user' && 'bridge' in options.network && options.network.address === undefined),
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
