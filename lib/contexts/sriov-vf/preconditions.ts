import type { PortPlan, Refusal } from './choose.js';
import { nameOf } from './choose.js';
import type { Inventory, PciDevice } from './inventory.js';

const iommuHint = ({ cpuVendor, commandLine }: Inventory): string => {
  const off = /\b(?:intel_iommu|amd_iommu|iommu)=off\b/.exec(commandLine)?.[0];
  const firmware = { intel: 'VT-d', amd: 'AMD-Vi (IOMMU)', other: 'the IOMMU' }[cpuVendor];
  const parameter = { intel: 'intel_iommu=on iommu=pt', amd: 'amd_iommu=on iommu=pt', other: 'iommu.passthrough=0' }[
    cpuVendor
  ];
  const kernel = off === undefined ? `boot with ${parameter}` : `boot without ${off} and with ${parameter}`;
  return `Enable ${firmware} in the firmware and ${kernel}.`;
};

const isBridge = ({ class: code }: PciDevice): boolean => code.startsWith('06');

/** Devices other than bridges in the IOMMU group of a device: VFIO gives away whole groups. */
export const groupMates = ({ devices }: Inventory, device: PciDevice): PciDevice[] =>
  device.group === undefined
    ? []
    : [...devices.values()].filter(
        (other) => other.group === device.group && other.address !== device.address && !isBridge(other),
      );

/** What VFIO needs of the host itself. */
export const vfioRefusals = (inventory: Inventory): Refusal[] => [
  ...(inventory.iommu ? [] : [{ message: 'the IOMMU is off: there are no IOMMU groups', hint: iommuHint(inventory) }]),
  ...(inventory.iommu && !inventory.interruptsIsolated
    ? [
        {
          message: 'interrupts are not remapped, so a device that is given away could raise any interrupt',
          hint: 'Enable interrupt remapping in the firmware and boot without intremap=off; or, at your own risk, load vfio_iommu_type1 with allow_unsafe_interrupts=1.',
        },
      ]
    : []),
  ...(inventory.vfioPresent
    ? []
    : [
        {
          message: 'the driver vfio-pci is not there',
          hint: 'Install the kernel’s module package that has vfio-pci (CONFIG_VFIO_PCI), such as linux-image-amd64.',
        },
      ]),
];

/** Whether a device can be given away without others: its IOMMU group must be its own. */
export const groupRefusals = (inventory: Inventory, device: PciDevice): Refusal[] => {
  if (!inventory.iommu) return [];
  if (device.group === undefined)
    return [{ message: `${device.address} is in no IOMMU group`, hint: iommuHint(inventory) }];
  const mates = groupMates(inventory, device);
  if (mates.length === 0) return [];
  const behind =
    device.upstream === undefined ? '' : `: the bridge ${device.upstream} before it does not separate them (ACS)`;
  return [
    {
      message: `${device.address} shares IOMMU group ${device.group} with ${mates.map(({ address, driver }) => `${address} (${driver ?? 'no driver'})`).join(', ')}${behind}`,
      hint: 'Put the NIC into a slot behind a root port with ACS, or enable ACS in the firmware; pcie_acs_override=downstream of patched kernels gives up the isolation.',
    },
  ];
};

/** What of the chosen ports can be said before anything is changed. */
export const portRefusals = (
  inventory: Inventory,
  { pf, use }: PortPlan,
  { vfio, passthrough }: { readonly vfio: boolean; readonly passthrough: boolean },
): Refusal[] => {
  if (!vfio) return [];
  if (passthrough) return groupRefusals(inventory, pf);
  return use.flatMap((vf) => groupRefusals(inventory, vf));
};

/** A PF without a line carries nothing, unless its VFs were told to be up all the same. */
export const lineRefusals = ({ pf, wish }: PortPlan, carrier: boolean): Refusal[] =>
  carrier || wish.vfs.every(({ link_state }) => link_state === 'enable')
    ? []
    : [
        {
          message: `${nameOf(pf)} has no link: the port is up and sees no signal`,
          hint: 'Plug in the cable or bring the other end up; VFs with `link_state: enable` do without, where the driver can.',
        },
      ];
