import { createHash } from 'node:crypto';
import type { VirtualHostOptions } from './options.js';

/** UDP ports of this machine between which the wire runs: QEMU's end and the controller's. */
export interface WireEnds {
  readonly port: number;
  readonly peerPort: number;
}

/** Locally administered, the same for the same seed. Only machines on one wire must differ. */
export const portMac = (seed: string, index: number): string => {
  const bytes = createHash('sha256')
    .update(`${seed}/${String(index)}`)
    .digest()
    .subarray(0, 5);
  return ['52', ...[...bytes].map((byte) => byte.toString(16).padStart(2, '0'))].join(':');
};

const hub = '7';
const firstBus = 64;
/** Slots of the root bus that libvirt, which fills it from the start, does not get to. */
const firstSlot = 0x10;
const firstSlotWithoutRootPort = 0x8;

const slot = (number: number): string => `addr=0x${number.toString(16)}`;

/** The way from the root complex to each port: a bus of the last node where there are several, and a root port for each. */
const bridges = ({ nodes, ports, iommu }: VirtualHostOptions): readonly string[] => {
  if (iommu === 'amd' || ports === 0) return [];
  const expander = nodes > 1;
  const rootPort = (index: number): readonly string[] => {
    const where = expander ? `bus=expander` : `bus=pcie.0,${slot(firstSlot + index)}`;
    return [
      '-device',
      `pcie-root-port,id=root${String(index)},${where},chassis=${String(101 + index)},slot=${String(101 + index)}`,
    ];
  };
  return [
    ...(expander
      ? [
          '-device',
          `pxb-pcie,id=expander,bus=pcie.0,${slot(firstSlot)},bus_nr=${String(firstBus)},numa_node=${String(nodes - 1)}`,
        ]
      : []),
    ...Array.from({ length: ports }, (_, index) => rootPort(index)).flat(),
  ];
};

/**
 * The NIC: its ports cabled together and to the wire by a hub, one Ethernet frame a UDP datagram on loopback. For a
 * command line as for libvirt's `<qemu:commandline>`, whose own buses have no name that could be used here.
 * AMD-Vi is given the ports on the root bus: behind a root port their DMA found no way (seen with QEMU 10.0).
 */
export const portArguments = (options: VirtualHostOptions, wire: WireEnds, seed: string): readonly string[] => {
  const { ports, nic, iommu } = options;
  if (ports === 0) return [];
  const local = `local.type=inet,local.host=127.0.0.1,local.port=${String(wire.port)}`;
  const remote = `remote.type=inet,remote.host=127.0.0.1,remote.port=${String(wire.peerPort)}`;
  const device = (index: number): readonly string[] => {
    const name = String(index);
    const where = iommu === 'amd' ? `bus=pcie.0,${slot(firstSlotWithoutRootPort + 2 * index)}` : `bus=root${name}`;
    return [
      ...['-netdev', `hubport,id=cable${name},hubid=${hub}`],
      ...['-device', `${nic},id=port${name},${where},netdev=cable${name},mac=${portMac(seed, index)}`],
    ];
  };
  return [
    ...bridges(options),
    ...['-netdev', `dgram,id=wire,${local},${remote}`],
    ...['-netdev', `hubport,id=socket,hubid=${hub},netdev=wire`],
    ...Array.from({ length: ports }, (_, index) => device(index)).flat(),
  ];
};
