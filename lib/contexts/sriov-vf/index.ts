import { defineContext } from '../context.js';
import { driverOf, portsOf, sriovVfOptions, type PfSelector } from './options.js';

const described = (selector: PfSelector): string =>
  Object.entries(selector)
    .map(([key, value]) => `${key} ${String(value)}`)
    .join(' ');

/** VFs of an SR-IOV NIC, given to a guest or used on the host. */
export const sriovVf = defineContext({
  type: 'sriov-vf',
  summary:
    'VFs of an SR-IOV NIC (or the whole port, by that name) in a guest of its own, in a network namespace, or on the host',
  options: sriovVfOptions,
  preview: (options) => {
    const { guest, passthrough, attach, in: place = 'host' } = options;
    const what = passthrough === undefined ? 'VFs' : 'the port';
    return [
      'look at IOMMU, groups, vfio-pci, NICs and who uses what',
      ...portsOf(options).map(({ pf, vfs, create }) =>
        passthrough === undefined
          ? `take ${String(vfs.length)} free VFs of a port with ${described(pf)}; where it has none, create ${String(Math.max(create ?? 0, vfs.length))}`
          : `take the whole port with ${described(pf)}, which nobody may use`,
      ),
      `journal and set MAC, VLAN, trust, rates; bind ${what} to ${driverOf(options) === 'kernel' ? 'the kernel’s driver' : 'vfio-pci'}; read back`,
      guest === undefined
        ? `use ${what} ${place === 'host' ? 'on the host' : 'in a network namespace'}`
        : `start a guest with ${what} (${passthrough === undefined ? attach : 'hostdev'}) beside the NIC and bring the interfaces up`,
      'afterwards: put settings, drivers, link states and the number of VFs back',
    ];
  },
  cpus: ({ guest }) => guest?.vcpus,
  deploy: async (options, on) => (await import('./deploy.js')).deploySriovVf(options, on),
  sweep: async (host, run, signal) => (await import('./sweep.js')).sweepDevices(host, run, signal),
});
