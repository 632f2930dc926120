import { createHash } from 'node:crypto';
import * as z from 'zod';
import { Kvm4nfvError } from '../error.js';
import { size } from '../measure/fields.js';
import { customizeScript, buildScript, initrdModules, makeDiskScript } from './build-scripts.js';
import { guestFiles } from './guest-files.js';
import { initScript } from './guest-scripts.js';

/** Debian packages of each group of tools. */
export const toolPackages = {
  'rt-tests': ['rt-tests'],
  rtla: ['rtla'],
  'stress-ng': ['stress-ng'],
  sockperf: ['sockperf'],
  iperf3: ['iperf3'],
  ethtool: ['ethtool'],
  'dpdk-testpmd': ['dpdk-dev', 'pciutils'],
} as const satisfies Record<string, readonly string[]>;

export type ToolGroup = keyof typeof toolPackages;
const toolGroups = Object.keys(toolPackages) as [ToolGroup, ...ToolGroup[]];

/** Debian's kernel packages. `cloud` boots fastest and has virtio only: no igb, no vfio on AMD; `rt` is PREEMPT_RT. Those of 6.12 are bookworm's second ones. */
export const kernelPackages = {
  cloud: 'linux-image-cloud-amd64',
  amd64: 'linux-image-amd64',
  rt: 'linux-image-rt-amd64',
  'cloud-6.12': 'linux-image-6.12-cloud-amd64',
  'rt-6.12': 'linux-image-6.12-rt-amd64',
} as const;
const kernels = Object.keys(kernelPackages) as [keyof typeof kernelPackages, ...(keyof typeof kernelPackages)[]];

const name = z.string().regex(/^[a-z0-9][a-z0-9+.-]*$/, 'expected lower-case letters, digits, `+`, `.` and `-`');
const packageName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9+.-]+(=[A-Za-z0-9.+:~-]+)?$/, 'expected a Debian package, or package=version');
const moduleName = z.string().regex(/^[A-Za-z0-9_-]+$/, 'expected the name of a kernel module');
const MiB = 1024 * 1024;

/** What a guest image is built from. One source: type, validation and documentation. */
export const imageManifestSchema = z.strictObject({
  name: name.meta({ description: 'How suites call the image.' }),
  suite: name
    .meta({ description: "Debian release; the machine's own apt says where it is fetched from." })
    .default('bookworm'),
  kernel: z
    .enum(kernels)
    .meta({
      description:
        '`cloud`: virtio only, boots fastest. `amd64`: every driver. `rt`: PREEMPT_RT. `cloud-6.12` and `rt-6.12`: the later kernel of bookworm, which has the fair server.',
    })
    .default('cloud'),
  tools: z
    .array(z.enum(toolGroups))
    .meta({ description: 'Groups of measuring tools.' })
    .default(['rt-tests', 'stress-ng', 'ethtool']),
  packages: z.array(packageName).meta({ description: 'More Debian packages, `name` or `name=version`.' }).default([]),
  modules: z.array(moduleName).meta({ description: 'Kernel modules to load at every boot.' }).default([]),
  size: z
    .union([z.int(), size])
    .pipe(
      z
        .int()
        .min(256 * MiB)
        .max(1024 * 1024 * MiB),
    )
    .meta({ description: 'Size of the file system, in bytes or as `4GiB`; 2 GiB by default. The file is sparse.' })
    .default(2048 * MiB),
  format: z.enum(['raw', 'qcow2']).meta({ description: 'Format of the disk image.' }).default('raw'),
  cmdline: z
    .string()
    .regex(/^[\x20-\x7e]*$/, 'expected printable ASCII')
    .meta({ description: 'Kernel command line; boot tunings of a run are added to it.' })
    .default('console=ttyS0 quiet'),
  users: z
    .array(z.strictObject({ name: z.string().regex(/^[a-z_][a-z0-9_-]{0,30}$/, 'expected a user name') }))
    .meta({ description: "Users beside root; like root they log in with the run's key only." })
    .default([]),
  setup: z
    .string()
    .max(64 * 1024)
    .meta({ description: 'Shell script that runs as root inside the new file system, after everything is installed.' })
    .default(''),
});

export type ImageManifest = z.output<typeof imageManifestSchema>;
export type ImageManifestInput = z.input<typeof imageManifestSchema>;

const builtIn = (input: ImageManifestInput): [string, ImageManifest] => [input.name, imageManifestSchema.parse(input)];

/** Images that a suite can name without describing them. */
export const builtInManifests: ReadonlyMap<string, ImageManifest> = new Map([
  builtIn({ name: 'debian-12' }),
  builtIn({ name: 'debian-12-generic', kernel: 'amd64' }),
  builtIn({ name: 'debian-12-rt', kernel: 'rt' }),
]);

/** A manifest as a user writes it: one without a name is called after its release, kernel and tools. */
export const ownManifestSchema = imageManifestSchema
  .extend({
    name: name
      .refine((wanted) => !builtInManifests.has(wanted), 'expected another name than that of a built-in image')
      .meta({ description: 'How `kvm4nfv image list` calls the image. Default: release, kernel and tools.' })
      .optional(),
  })
  .transform((manifest): ImageManifest => ({
    ...manifest,
    name: manifest.name ?? [manifest.suite, manifest.kernel, ...new Set(manifest.tools)].join('-'),
  }));

/** The built-in manifest of that name. Throws a usage error that lists the names there are. */
export const builtInManifest = (wanted: string): ImageManifest => {
  const found = builtInManifests.get(wanted);
  if (found !== undefined) return found;
  const names = [...builtInManifests.keys()].join(', ');
  throw new Kvm4nfvError('E_IMAGE', `There is no built-in image '${wanted}'`, {
    hint: `Name one of ${names}, or give the manifest or the file of an image of your own.`,
  });
};

/** Every package that the manifest asks for, sorted, without what they depend on. */
export const packagesOf = (manifest: ImageManifest): readonly string[] => {
  const base = ['busybox-static', 'iproute2', 'kmod', 'openssh-server', 'procps', 'systemd-sysv', 'udev'];
  const tools = manifest.tools.flatMap((tool) => toolPackages[tool]);
  return [...new Set([...base, kernelPackages[manifest.kernel], ...tools, ...manifest.packages])].sort();
};

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Of all that we put into an image or do to it: an image made by another recipe is another image. */
const recipe = sha256(
  JSON.stringify([guestFiles, initScript, customizeScript, makeDiskScript, buildScript, initrdModules]),
);

/** Names an image by what it is made from: the manifest (order of lists and keys aside) and our recipe. */
export const manifestDigest = (manifest: ImageManifest): string => {
  const lists = {
    tools: [...new Set(manifest.tools)].sort(),
    packages: [...new Set(manifest.packages)].sort(),
    modules: manifest.modules,
    users: manifest.users.map((user) => user.name).sort(),
  };
  const plain = { ...manifest, ...lists };
  const ordered = Object.entries(plain).sort(([a], [b]) => (a < b ? -1 : 1));
  return sha256(JSON.stringify([recipe, ordered]));
};
