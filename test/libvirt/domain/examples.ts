import type { DomainOptions } from '../../../lib/libvirt/domain/spec.js';

const mebibyte = 2 ** 20;
const gibibyte = 2 ** 30;
const owner = { run: '20261122T180000-abcd', context: 'guest' };

/** Domains of the kinds that users run, by the name of their golden file. */
export const examples: Readonly<Record<string, DomainOptions>> = {
  default: {
    name: 'default',
    owner,
    accelerator: 'kvm',
    cpu: { vcpus: 2 },
    memory: { size: 512 * mebibyte },
    disks: [{ path: '/var/tmp/overlay.qcow2', format: 'qcow2' }],
    interfaces: [{ type: 'user', mac: '52:54:00:00:00:01', forwards: [{ hostPort: 2222, guestPort: 22 }] }],
    console: '/var/tmp/console.log',
  },
  realtime: {
    name: 'realtime',
    uuid: '2b1f4c52-6c0a-4b39-9c57-4c1c3f4d7f10',
    description: 'one NUMA node, pinned, locked',
    owner,
    accelerator: 'kvm',
    cpu: {
      vcpus: 4,
      topology: { sockets: 1, cores: 4, threads: 1 },
      features: { invtsc: 'require', 'tsc-deadline': 'require' },
      cachePassthrough: true,
      hintDedicated: true,
      pollControl: true,
      cells: [
        { cpus: [0, 1], memory: gibibyte, distances: { 0: 10, 1: 21 } },
        { cpus: [2, 3], memory: gibibyte },
      ],
    },
    memory: { size: 2 * gibibyte, hugepages: gibibyte, locked: true, numa: { nodes: [1] } },
    tune: {
      vcpuPins: [0, 1, 2, 3].map((id) => ({ id, cpus: [id + 4] })),
      vcpuSchedulers: [{ vcpus: [0, 1, 2, 3], policy: 'fifo', priority: 1 }],
      emulatorPin: [0, 1],
      emulatorScheduler: { policy: 'batch' },
      iothreads: 1,
      iothreadPins: [{ id: 1, cpus: [1] }],
      iothreadSchedulers: [{ iothreads: [1], policy: 'fifo', priority: 2 }],
      cacheAllocations: [
        { vcpus: [0, 1], id: 0, size: 3 * mebibyte, type: 'code' },
        { vcpus: [0, 1], id: 0, size: 6 * mebibyte, type: 'data' },
      ],
    },
    clock: {
      timers: [
        { name: 'tsc', mode: 'native' },
        { name: 'hpet', present: false },
        { name: 'kvmclock', present: true },
      ],
    },
    boot: { kernel: '/boot/vmlinuz', initrd: '/boot/initrd', cmdline: 'console=ttyS0 root=/dev/vda x="a b" <&>' },
    disks: [
      {
        path: '/var/tmp/overlay.qcow2',
        format: 'qcow2',
        backing: { path: '/var/tmp/base.raw', format: 'raw' },
        cache: 'none',
        io: 'native',
        discard: 'unmap',
        queues: 2,
        iothread: 1,
        serial: 'root',
      },
      { path: '/var/tmp/seed.iso', format: 'raw', device: 'cdrom' },
    ],
    interfaces: [{ type: 'bridge', bridge: 'br0', mac: '52:54:00:00:00:02', queues: 4 }],
    agent: true,
    panic: true,
    onCrash: 'preserve',
  },
  'vhost-user': {
    name: 'vhost-user',
    owner,
    accelerator: 'kvm',
    cpu: { vcpus: 3 },
    memory: { size: gibibyte, hugepages: 2 * mebibyte, shared: true },
    interfaces: [
      { type: 'network', network: 'management' },
      {
        type: 'vhost-user',
        path: '/run/vhost0',
        mode: 'server',
        queues: 2,
        rxQueueSize: 1024,
        txQueueSize: 1024,
        packed: true,
      },
      { type: 'vhost-user', path: '/run/vhost1', mode: 'client' },
    ],
  },
  hostdev: {
    name: 'hostdev',
    owner,
    accelerator: 'kvm',
    cpu: { vcpus: 2 },
    memory: { size: gibibyte },
    interfaces: [
      { type: 'user', backend: 'passt', forwards: [{ hostPort: 2222, guestPort: 22 }] },
      { type: 'hostdev', address: '0000:3b:10.2', mac: '52:54:00:00:00:03', vlan: 100 },
    ],
    hostdevs: [{ address: '0000:3b:00.1' }],
    disks: [{ path: '/var/tmp/a.raw', format: 'raw', bootOrder: 1 }],
    iommu: { model: 'intel', iotlb: true, cachingMode: true, addressWidth: 48 },
    ioapic: 'qemu',
    smbiosSerial: 'ds=nocloud;s=http://192.0.2.1/',
  },
  tcg: {
    name: 'tcg',
    owner,
    accelerator: 'tcg',
    cpu: { vcpus: 2, mode: 'custom', model: 'EPYC-Milan', features: { svm: 'require', npt: 'require' } },
    memory: { size: 256 * mebibyte, shared: true },
    interfaces: [{ type: 'user', forwards: [{ hostPort: 2222, guestPort: 22 }], iommu: true }],
    fragments: [
      { at: 'devices', xml: '<vsock model="virtio"><cid auto="yes"/></vsock><memballoon model="virtio"/>' },
      { at: 'clock', xml: '<timer name="hpet" present="yes"/>' },
      { at: 'domain', xml: '<on_reboot>destroy</on_reboot><title>extra</title>' },
      { at: 'qemu:commandline', xml: '<qemu:env name="A" value="b"/>' },
    ],
    qemuArguments: ['-device', 'pcie-root-port,id=rp1,bus=pcie.0,addr=0x1d,chassis=101'],
  },
};
