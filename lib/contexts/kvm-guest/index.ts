import * as z from 'zod';
import { virtualHostSchema } from '../../lab/options.js';
import { defineContext } from '../context.js';
import type { KvmGuestOptions } from './fields.js';
import { kvmGuestOptions } from './options.js';
import { surroundings } from './surroundings.js';

const preset = 'A guest as described, or a whole host under emulation: KVM, IOMMU, SR-IOV NICs, NUMA and SMT.';

const options = z.discriminatedUnion('preset', [
  kvmGuestOptions.safeExtend({ preset: z.literal('guest').default('guest').meta({ description: preset }) }),
  virtualHostSchema.safeExtend({ preset: z.literal('virtual-host').meta({ description: preset }), ...surroundings }),
]);

const pages = ({ memory, hugepages }: KvmGuestOptions): string =>
  hugepages === undefined
    ? `${String(memory / 2 ** 20)} MiB of memory`
    : `${String(Math.ceil(memory / hugepages))} free huge pages of ${String(hugepages / 2 ** 20)} MiB`;

/** How CPUs are chosen where the guest is placed; which they are tells the result. */
const previewPlacement = (options: KvmGuestOptions): string[] => {
  const { profile, cpus, emulator_cpus, node, vcpus } = options;
  if (cpus !== undefined) return [`pin vCPUs in this order to the CPUs ${cpus}`];
  const where =
    node === undefined ? `the smallest NUMA node that has them and ${pages(options)}` : `NUMA node ${String(node)}`;
  if (profile === 'realtime')
    return [
      `pin each vCPU to a whole core: ${String(vcpus)} of one kind (P before E), isolated ones where there are any, on ${where}`,
    ];
  return emulator_cpus === undefined && node === undefined ? [] : [`let vCPUs share the free CPUs of ${where}`];
};

const previewGuest = (options: KvmGuestOptions): string[] => [
  `find libvirt, and whether KVM really works (accelerator ${options.accelerator})`,
  `choose CPUs and memory (profile ${options.profile}) and lease them`,
  ...previewPlacement(options),
  ...previewImage(options),
];

const previewImage = ({ image, vcpus, memory, warm, network }: KvmGuestOptions): string[] => [
  typeof image === 'object' && 'file' in image
    ? `check ${image.file}`
    : `build image ${typeof image === 'string' ? image : image.name} unless the host has it`,
  `make a throw-away disk and keys, define ${String(vcpus)} vCPUs with ${String(memory / 2 ** 20)} MiB, network ${typeof network === 'string' ? network : Object.values(network).join(' ')}`,
  warm ? 'start from a saved state, or boot and save one' : 'boot',
  'wait for SSH with the host key that was handed in, and for the end of the boot',
  'read back pinning, scheduling, memory, kernel command line',
  'afterwards: destroy it and remove its files',
];

/** A KVM guest, provisioned over libvirt and reached over SSH; or, as a preset, an emulated host. */
export const kvmGuest = defineContext({
  type: 'kvm-guest',
  summary: 'A KVM guest of its own, provisioned over libvirt; emulated, and marked so, where KVM does not work',
  options,
  preview: (chosen) =>
    chosen.preset === 'guest'
      ? previewGuest(chosen)
      : [
          `build a QEMU that can emulate SR-IOV, and the image${chosen.guest_images.length === 0 ? ' of the host' : `s of the host and of ${chosen.guest_images.join(', ')}`}, unless they are there`,
          `start an emulated host with ${String(chosen.vcpus)} CPUs on ${String(chosen.nodes)} NUMA nodes and ${String(chosen.ports)} ports from a saved state, or boot and save one`,
          'afterwards: end it and remove its files',
        ],
  cpus: ({ vcpus }) => vcpus,
  deploy: async (chosen, on) => {
    if (chosen.preset === 'guest') return (await import('./deploy.js')).deployGuest(chosen, on);
    const { deployVirtualHost, machineOptions } = await import('./virtual-host.js');
    const { deploySurrounded } = await import('./surrounded.js');
    return deploySurrounded(chosen, on, () => deployVirtualHost(machineOptions(chosen), on));
  },
  sweep: async (host, run, signal) => {
    const lines = await (await import('./sweep.js')).sweepGuests(host, run, signal);
    // What is left of emulated hosts can be removed once their jobs have ended.
    await (await import('../../host/runs.js')).removeRun(host, run);
    const swept = await (await import('../../lab/virtual-host.js')).sweepVirtualHosts(host, run, { signal });
    return swept ? [...lines, 'removed emulated hosts'] : lines;
  },
});
