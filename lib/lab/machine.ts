import { controlPort, firstBootSerial } from '../image/first-boot.js';
import { sizeUnits } from '../measure/quantity.js';
import { cpuShape, distance } from './cpus.js';
import { kernelParameters } from './kernel-parameters.js';
import type { VirtualHostOptions } from './options.js';
import { portArguments, type WireEnds } from './ports.js';

/** What a machine is made with on its host, besides what it is like. Paths are absolute. */
export interface MachineParts {
  readonly name: string;
  /** For its sockets, console log and disks. */
  readonly directory: string;
  readonly kernel: string;
  readonly initrd: string;
  /** Kernel parameters of the image. */
  readonly cmdline: string;
  /** All kernel parameters, in the place of those that image and options make. */
  readonly parameters?: string;
  readonly disk: { readonly path: string; readonly format: 'raw' | 'qcow2' };
  /** First-boot disk. */
  readonly data: string;
  /** TCP port on loopback that leads to its SSH. */
  readonly sshPort: number;
  readonly wire: WireEnds;
  /** What the MACs of its ports are made from. */
  readonly macs: string;
  /** ACPI table with the P-states; needed with `pstates`. */
  readonly acpiTable?: string;
  /** The host's image cache, to be seen read-only at the same place inside. */
  readonly images?: string;
  /** Waits for a saved state in the place of booting. */
  readonly incoming?: boolean;
}

/** MAC of the management NIC: each machine has a network of its own behind it. */
export const managementMac = '52:54:00:00:00:01';
/** QEMU's user network gives these addresses to a guest and to itself. */
export const managementNetwork = { mac: managementMac, name: 'mgmt0', address: '10.0.2.15/24', gateway: '10.0.2.2' };

export const socketsOf = (
  directory: string,
): { readonly qmp: string; readonly control: string; readonly console: string } => ({
  qmp: `${directory}/qmp.sock`,
  control: `${directory}/control.sock`,
  console: `${directory}/console.sock`,
});

/** Milan's model has SVM with nested paging. TCG has no VMX: a host with KVM inside is an AMD one. */
export const cpuModel = ({ kvm }: VirtualHostOptions): string => (kvm ? 'EPYC-Milan,+svm,+npt' : 'EPYC-Milan,-svm');

const cpusAndMemory = (options: VirtualHostOptions): readonly string[] => {
  const { sockets, cores, threads, nodes } = cpuShape(options);
  const mebibytes = (bytes: number): string => `${String(bytes / sizeUnits.MiB)}M`;
  const smp = [
    options.vcpus,
    `sockets=${String(sockets)}`,
    `cores=${String(cores)}`,
    `threads=${String(threads)}`,
  ].join(',');
  const node = nodes.flatMap(({ id, cpus, memory }) => {
    const name = String(id);
    return [
      ...['-object', `memory-backend-ram,id=memory${name},size=${mebibytes(memory)}`],
      ...['-numa', `node,nodeid=${name},cpus=${String(cpus.first)}-${String(cpus.last)},memdev=memory${name}`],
    ];
  });
  const distances = nodes.flatMap(({ id: from }) =>
    nodes
      .filter(({ id: to }) => to !== from)
      .flatMap(({ id: to }) => [
        '-numa',
        `dist,src=${String(from)},dst=${String(to)},val=${String(distance(from, to))}`,
      ]),
  );
  return ['-cpu', cpuModel(options), '-smp', smp, '-m', mebibytes(options.memory), ...node, ...distances];
};

/** Without caching mode, which is for passing devices through to a guest of the *outer* machine and takes three times as long. */
const iommuArguments = ({ iommu }: VirtualHostOptions): readonly string[] => {
  if (iommu === 'none') return [];
  return ['-device', `${iommu}-iommu,intremap=on,device-iotlb=on`];
};

/** DMI strings, and the P-states' table where it is asked for: for a command line as for `<qemu:commandline>`. */
export const firmwareArguments = ({ dmi }: VirtualHostOptions, acpiTable?: string): readonly string[] => [
  ...['-smbios', `type=0,vendor=${dmi.bios_vendor},version=${dmi.bios_version}`],
  ...['-smbios', `type=1,manufacturer=${dmi.manufacturer},product=${dmi.product},serial=${dmi.serial}`],
  ...(acpiTable === undefined ? [] : ['-acpitable', `file=${acpiTable}`]),
];

const socket = (id: string, path: string, more = ''): readonly string[] => [
  '-chardev',
  `socket,id=${id},path=${path},server=on,wait=off${more}`,
];

/** The kernel command line of a virtual host as it is first started. */
export const kernelCommandLine = (
  options: VirtualHostOptions,
  { cmdline, images }: Pick<MachineParts, 'cmdline' | 'images'>,
): string => kernelParameters(options, cmdline, { images: images !== undefined }).join(' ');

/** QEMU's arguments for a virtual host, as a plain process. The machine type is of one version: saved states depend on it. */
export const qemuArguments = (options: VirtualHostOptions, parts: MachineParts): readonly string[] => {
  const sockets = socketsOf(parts.directory);
  const parameters = parts.parameters ?? kernelCommandLine(options, parts);
  return [
    ...['-name', `${parts.name},debug-threads=on`, '-no-user-config', '-nodefaults', '-display', 'none'],
    ...['-machine', 'q35', '-accel', 'tcg,thread=multi,tb-size=1024'],
    ...cpusAndMemory(options),
    ...firmwareArguments(options, parts.acpiTable),
    ...iommuArguments(options),
    ...['-kernel', parts.kernel, '-initrd', parts.initrd, '-append', parameters],
    ...socket('qmp', sockets.qmp),
    ...['-mon', 'chardev=qmp,mode=control'],
    ...socket('console', sockets.console, `,logfile=${parts.directory}/console.log`),
    ...['-serial', 'chardev:console'],
    ...['-drive', `file=${parts.disk.path},format=${parts.disk.format},if=none,id=disk,cache=unsafe,discard=unmap`],
    ...['-device', 'virtio-blk-pci,drive=disk,iommu_platform=on,disable-legacy=on'],
    ...['-drive', `file=${parts.data},format=raw,if=none,id=data,readonly=on`],
    ...['-device', `virtio-blk-pci,drive=data,serial=${firstBootSerial}`],
    ...['-netdev', `user,id=mgmt,hostfwd=tcp:127.0.0.1:${String(parts.sshPort)}-:22`],
    ...['-device', `virtio-net-pci,netdev=mgmt,mac=${managementMac},romfile=`],
    ...['-device', 'virtio-serial-pci'],
    ...socket('control', sockets.control),
    ...['-device', `virtserialport,chardev=control,name=${controlPort}`],
    ...['-device', 'virtio-rng-pci'],
    ...(parts.images === undefined
      ? []
      : [
          ...['-fsdev', `local,id=images,path=${parts.images},security_model=none,readonly=on`],
          ...['-device', 'virtio-9p-pci,fsdev=images,mount_tag=kvm4nfv-images'],
        ]),
    ...portArguments(options, parts.wire, parts.macs),
    ...(parts.incoming === true ? ['-incoming', 'defer'] : []),
  ];
};
