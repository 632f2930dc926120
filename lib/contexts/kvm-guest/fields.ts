import * as z from 'zod';
import { cpuSelection } from '../../host/cpu-list.js';
import { builtInManifests, ownManifestSchema } from '../../image/manifest.js';
import { fragmentPlaces } from '../../libvirt/domain/fragment-places.js';
import { duration, size } from '../../measure/fields.js';
import { hardwareFields } from './hardware.js';

const absolute = z.string().startsWith('/', 'expected an absolute path on the host');

const imageFile = z
  .strictObject({
    file: absolute.meta({ description: 'A cloud image (qcow2 or raw) on the host that the guest runs on.' }),
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits in lower case, as sha256sum prints them')
      .optional(),
    sha512: z
      .string()
      .regex(/^[0-9a-f]{128}$/, 'expected 128 hexadecimal digits in lower case, as sha512sum prints them')
      .optional(),
    format: z.enum(['qcow2', 'raw']).optional(),
    user: z
      .string()
      .default('root')
      .meta({ description: 'User to log in as; made by cloud-init where it is not there.' }),
  })
  .refine(({ sha256, sha512 }) => sha256 !== undefined || sha512 !== undefined, {
    path: ['sha256'],
    error: 'expected sha256 or sha512: the checksum of the file',
  });

const network = z
  .union([
    z.literal('user'),
    z.strictObject({ network: z.string().min(1) }),
    z.strictObject({
      bridge: z.string().regex(/^[\w.-]{1,15}$/),
      address: z.union([z.cidrv4(), z.cidrv6()]).optional(),
      gateway: z.union([z.ipv4(), z.ipv6()]).optional(),
    }),
  ])
  .default('user')
  .meta({
    description:
      'How the guest is managed, apart from what it is measured through. `user`: a port of the host’s loopback leads to its SSH; needs no root and no bridge. `{network: name}`: a libvirt network with DHCP. `{bridge: name, address: 192.0.2.5/24}`: a bridge; without an address the guest asks DHCP and its agent tells.',
  });

/** All of them, before it is looked whether they go together. */
export const kvmGuestFields = z.strictObject({
  vcpus: z.int().min(1).max(256).default(2),
  memory: size.prefault('1GiB'),
  image: z
    .union([z.enum([...builtInManifests.keys()]), imageFile, ownManifestSchema])
    .default('debian-12')
    .meta({
      description:
        'A built-in image (`debian-12`, `debian-12-generic`, `debian-12-rt`), or what one of your own has in it (`{kernel: rt, tools: [rtla, sockperf]}`): built when it is not there yet. Or an image file of yours, with its checksum.',
    }),
  profile: z.enum(['default', 'realtime']).default('default').meta({
    description:
      '`realtime`: vCPUs pinned one to one with FIFO priority, memory locked and not shared, emulator on housekeeping CPUs.',
  }),
  cpus: cpuSelection.optional().meta({
    description:
      'CPUs of the host for the vCPUs, one each, in this order: `8,2` puts vCPU 0 on CPU 8. Default: chosen from the topology where the profile pins.',
  }),
  emulator_cpus: cpuSelection
    .optional()
    .meta({ description: 'CPUs of the host for QEMU’s own threads. Default: housekeeping CPUs.' }),
  node: z.int().min(0).optional().meta({ description: 'NUMA node of the host. Default: chosen.' }),
  hugepages: size.optional().meta({ description: 'Size of the huge pages that back the memory: 2MiB or 1GiB.' }),
  accelerator: z
    .enum(['auto', 'kvm', 'tcg'])
    .default('auto')
    .meta({ description: '`auto`: KVM where a guest really boots with it, else TCG, and the result says `emulated`.' }),
  connection: z.string().default('auto').meta({
    description:
      'libvirt’s URI as seen from the host. `auto`: the system’s libvirtd where one runs, else one for the run alone.',
  }),
  hypervisor: z.enum(['auto', 'binding', 'virsh']).default('auto'),
  network,
  cmdline: z.string().default('').meta({ description: 'Added to the guest’s kernel command line (built-in images).' }),
  warm: z.boolean().default(true).meta({
    description:
      'Start from a saved state of a guest with the same definition where there is one, and save one where there is none.',
  }),
  boot_timeout: duration.prefault('5m'),
  ...hardwareFields,
  xml: z
    .array(z.strictObject({ at: z.enum(fragmentPlaces), xml: z.string().min(1) }))
    .default([])
    .meta({ description: 'Fragments merged into the domain XML at a named place.' }),
});
export type KvmGuestOptions = z.output<typeof kvmGuestFields>;
