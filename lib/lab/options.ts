import * as z from 'zod';
import { sizeUnits } from '../measure/quantity.js';
import { parseQuantity } from '../measure/quantity.js';

const MiB = sizeUnits.MiB;

const size = z
  .union([z.int(), z.string()])
  .transform((value, context) => {
    const bytes = typeof value === 'number' ? value : parseQuantity(value, sizeUnits);
    if (bytes !== undefined && bytes % MiB === 0) return bytes;
    context.addIssue({ code: 'custom', message: 'expected whole mebibytes, such as 4GiB' });
    return z.NEVER;
  })
  .pipe(
    z
      .int()
      .min(1024 * MiB)
      .max(1024 * 1024 * MiB),
  );

/** What QEMU's option syntax and a firmware string both take. */
const dmiString = z
  .string()
  .regex(/^[A-Za-z0-9 ._:/()+-]{1,60}$/, 'expected up to 60 letters, digits, blanks and ._:/()+-');

const parameter = z.string().regex(/^[\x21-\x7e]+$/, 'expected one kernel parameter, without blanks');

/** What a virtual host is like. One source: type, validation and documentation. */
export const virtualHostSchema = z
  .strictObject({
    vcpus: z.int().min(1).max(64).meta({ description: 'Logical CPUs, all nodes together.' }).default(4),
    nodes: z.int().min(1).max(8).meta({ description: 'NUMA nodes, a socket each.' }).default(2),
    threads: z
      .union([z.literal(1), z.literal(2)])
      .meta({ description: 'Threads of a core.' })
      .default(2),
    memory: size.meta({ description: 'Memory of all nodes together.', examples: ['4GiB'] }).prefault('4GiB'),
    ports: z.int().min(0).max(4).meta({ description: 'Ports of the NIC, on the last node.' }).default(2),
    nic: z
      .enum(['igb', 'e1000e'])
      .meta({
        description: '`igb`: Intel 82576, SR-IOV with 7 VFs for each port. `e1000e`: Intel 82574, without SR-IOV.',
      })
      .default('igb'),
    vfs: z.int().min(0).max(7).meta({ description: 'VFs of each port, made once the host runs.' }).default(0),
    iommu: z
      .enum(['intel', 'amd', 'none'])
      .meta({ description: '`intel`: VT-d with interrupt remapping. `amd`: AMD-Vi, the ports then on the root bus.' })
      .default('intel'),
    kvm: z.boolean().meta({ description: 'The CPUs have SVM: the host runs guests by KVM.' }).default(true),
    kernel: z.enum(['amd64', 'rt']).meta({ description: '`rt` is PREEMPT_RT.' }).default('amd64'),
    tools: z
      .array(z.enum(['dpdk', 'ovs']))
      .meta({ description: 'Large groups of packages in the image.' })
      .default([]),
    pstates: z
      .boolean()
      .meta({
        description: 'An ACPI table with three P-states. Its driver hangs guests under KVM and is loaded by hand.',
      })
      .default(false),
    hugepages: z
      .strictObject({
        '2M': z.int().min(0).meta({ description: 'Pages of 2 MiB set aside at boot.' }).default(64),
        '1G': z.int().min(0).meta({ description: 'Pages of 1 GiB set aside at boot.' }).default(1),
      })
      .meta({ description: 'Huge pages of all nodes together.' })
      .prefault({}),
    dmi: z
      .strictObject({
        manufacturer: dmiString.default('kvm4nfv'),
        product: dmiString.default('virtual-host'),
        serial: dmiString.default('0001'),
        bios_vendor: dmiString.default('SeaBIOS'),
        bios_version: dmiString.default('1.16'),
      })
      .meta({ description: 'What dmidecode and /sys/class/dmi tell.' })
      .prefault({}),
    cmdline: z.array(parameter).meta({ description: 'More kernel parameters.' }).default([]),
  })
  .superRefine((options, context) => {
    const wrong = (path: keyof typeof options, message: string): void => {
      context.addIssue({ code: 'custom', path: [path], message });
    };
    const { vcpus, nodes, threads, memory, hugepages, iommu, ports, nic, vfs } = options;
    if (vcpus % (nodes * threads) !== 0)
      wrong(
        'vcpus',
        `${String(vcpus)} CPUs can't be shared out to ${String(nodes)} nodes of cores with ${String(threads)} threads`,
      );
    if (memory % (nodes * MiB) !== 0)
      wrong('memory', `can't be shared out to ${String(nodes)} nodes in whole mebibytes`);
    const huge = hugepages['2M'] * 2 * MiB + hugepages['1G'] * 1024 * MiB;
    if (huge > memory - 768 * MiB) wrong('hugepages', 'leave less than 768 MiB of ordinary memory');
    if (nic !== 'igb' && vfs > 0) wrong('vfs', `the NIC ${nic} has no SR-IOV`);
    // Without a root port the VFs of a port take the slots 16 and 17 above its own, and the last slots are the chipset's.
    if (iommu === 'amd' && ports > 3) wrong('ports', 'at most 3 with AMD-Vi');
  });

export type VirtualHostOptions = z.output<typeof virtualHostSchema>;
export type VirtualHostInput = z.input<typeof virtualHostSchema>;
