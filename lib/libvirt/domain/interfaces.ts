import { element, type XmlElement } from '../xml/element.js';
import type { InterfaceSpec, UserInterfaceSpec } from './spec-devices.js';

/** `0000:3b:10.2` as libvirt's attributes. */
export const pciAddressElement = (address: string, attributes: Readonly<Record<string, string>> = {}): XmlElement => {
  const [domain = '', bus = '', rest = ''] = address.split(':');
  const [slot = '', fn = ''] = rest.split('.');
  return element('address', {
    ...attributes,
    domain: `0x${domain}`,
    bus: `0x${bus}`,
    slot: `0x${slot}`,
    function: `0x${fn}`,
  });
};

const macElement = (mac: string | undefined): XmlElement | undefined =>
  mac === undefined ? undefined : element('mac', { address: mac });
const virtio = element('model', { type: 'virtio' });
const on = (set: boolean | undefined): string | undefined => (set === undefined ? undefined : set ? 'on' : 'off');

type Nic = Extract<InterfaceSpec, { readonly queues: number }>;

const driverElement = (nic: Nic, name?: string): XmlElement | undefined => {
  const attributes = {
    name,
    queues: nic.queues > 1 ? nic.queues : undefined,
    rx_queue_size: nic.rxQueueSize,
    tx_queue_size: nic.txQueueSize,
    iommu: nic.iommu ? 'on' : undefined,
    packed: on(nic.packed),
  };
  return Object.values(attributes).some((value) => value !== undefined) ? element('driver', attributes) : undefined;
};

const passtInterface = ({ mac, forwards, iommu, packed }: UserInterfaceSpec): XmlElement =>
  element(
    'interface',
    { type: 'user' },
    macElement(mac),
    forwards.map(({ address, hostPort, guestPort }) =>
      element('portForward', { proto: 'tcp', address }, element('range', { start: hostPort, to: guestPort })),
    ),
    virtio,
    (iommu || packed !== undefined) && element('driver', { iommu: iommu ? 'on' : undefined, packed: on(packed) }),
    element('backend', { type: 'passt' }),
  );

/** The `<interface>` of a network card; undefined for one that goes to QEMU's command line. */
export const interfaceElement = (nic: InterfaceSpec): XmlElement | undefined => {
  switch (nic.type) {
    case 'user':
      return nic.backend === 'passt' ? passtInterface(nic) : undefined;
    case 'network':
      return element(
        'interface',
        { type: 'network' },
        macElement(nic.mac),
        element('source', { network: nic.network }),
        virtio,
        driverElement(nic),
      );
    case 'bridge':
      return element(
        'interface',
        { type: 'bridge' },
        macElement(nic.mac),
        element('source', { bridge: nic.bridge }),
        virtio,
        driverElement(nic, nic.vhost ? undefined : 'qemu'),
      );
    case 'vhost-user':
      return element(
        'interface',
        { type: 'vhostuser' },
        macElement(nic.mac),
        element('source', { type: 'unix', path: nic.path, mode: nic.mode }),
        virtio,
        driverElement(nic),
      );
    case 'hostdev':
      return element(
        'interface',
        { type: 'hostdev', managed: nic.managed },
        macElement(nic.mac),
        element('driver', { name: 'vfio' }),
        element('source', {}, pciAddressElement(nic.address, { type: 'pci' })),
        nic.vlan !== undefined && element('vlan', {}, element('tag', { id: nic.vlan })),
      );
  }
};

/** QEMU arguments of the user networks that are built into it, with their forwarded ports. */
export const userNetworkArguments = (interfaces: readonly InterfaceSpec[], machine: string): readonly string[] => {
  // libvirt calls the root bus of i440fx pci.0 and that of q35 pcie.0, as QEMU does.
  const bus = machine.includes('q35') || machine.includes('virt') ? 'pcie.0' : 'pci.0';
  return interfaces
    .filter((nic): nic is UserInterfaceSpec => nic.type === 'user' && nic.backend === 'qemu')
    .flatMap(({ mac, forwards, slot, iommu, packed }, index) => {
      const id = `kvm4nfv-user${String(index)}`;
      const netdev = [
        'user',
        `id=${id}`,
        ...forwards.map(
          ({ address, hostPort, guestPort }) =>
            `hostfwd=tcp:${hostAddress(address)}:${String(hostPort)}-:${String(guestPort)}`,
        ),
      ];
      const device = [
        'virtio-net-pci',
        `netdev=${id}`,
        `id=${id}-nic`,
        `bus=${bus}`,
        `addr=0x${slot.toString(16)}`,
        ...(mac === undefined ? [] : [`mac=${mac}`]),
        // Without an option ROM nothing tries to boot from the network.
        'romfile=',
        ...(iommu ? ['iommu_platform=on', 'disable-legacy=on'] : []),
        ...(packed === undefined ? [] : [`packed=${packed ? 'on' : 'off'}`]),
      ];
      return ['-netdev', netdev.join(','), '-device', device.join(',')];
    });
};

const hostAddress = (address: string): string => (address.includes(':') ? `[${address}]` : address);
