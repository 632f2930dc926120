import * as z from 'zod';
import { cpuSelection } from '../../host/cpu-list.js';
import { mac, path, text } from '../../libvirt/domain/fields.js';
import { cacheAllocation, cpuSpec } from '../../libvirt/domain/spec-compute.js';
import { diskSpec } from '../../libvirt/domain/spec-devices.js';
import { size } from '../../measure/fields.js';

const cpu = z
  .strictObject({
    model: z
      .string()
      .regex(/^[\w.-]+$/, 'expected a CPU model of libvirt, such as EPYC-Milan')
      .optional()
      .meta({
        description:
          'CPU model of libvirt’s, such as `EPYC-Milan`. Default: the host’s CPU with KVM, all that QEMU emulates with TCG.',
      }),
    features: cpuSpec.shape.features.meta({
      description: 'CPU features by libvirt’s names, such as `{invtsc: require, x2apic: disable}`.',
    }),
    topology: cpuSpec.shape.topology.meta({
      description:
        'Sockets, dies, cores of a die, threads of a core; their product is `vcpus`. Default: a core for each.',
    }),
  })
  .prefault({});

const iothreads = z
  .array(
    z.strictObject({
      cpus: cpuSelection.optional().meta({
        description: 'CPUs of the host that it runs on. Default: those of QEMU’s own threads.',
      }),
    }),
  )
  .max(64)
  .default([])
  .meta({ description: 'IOThreads, one for each entry, numbered from 1. A disk names the one that serves it.' });

const cache = z
  .array(
    z.strictObject({
      size: size.meta({ description: 'How much of the cache; libvirt rounds it up to what the CPU can part.' }),
      id: cacheAllocation.shape.id.meta({
        description: 'Which of the host’s caches: `cache/index3/id` of a CPU in /sys/devices/system/cpu.',
      }),
      vcpus: z.array(z.int().min(0)).min(1).optional().meta({ description: 'vCPUs that share it. Default: all.' }),
      level: cacheAllocation.shape.level,
      type: cacheAllocation.shape.type,
    }),
  )
  .default([])
  .meta({
    description: 'Parts of the last-level cache for vCPUs alone (cachetune; needs CAT and a mounted resctrl).',
  });

const { cache: hostCache, io, queues, iothread, serial } = diskSpec.shape;
const drive = {
  cache: hostCache.meta({ description: 'How the host caches it. Default: QEMU’s, `writeback`.' }),
  io,
  queues,
  iothread: iothread.meta({ description: 'Number of the IOThread that serves it. Default: QEMU’s main loop.' }),
  serial: serial.meta({ description: 'By which it is found in the guest: /dev/disk/by-id/virtio-<serial>.' }),
};
const disks = z
  .array(
    z.union([
      z.strictObject({
        path: path.meta({
          description:
            'An image file on the host, that refers to no other file. It is written unless `read_only`, and kept.',
        }),
        format: diskSpec.shape.format,
        read_only: z.boolean().default(false),
        ...drive,
      }),
      z.strictObject({
        size: size.meta({ description: 'An empty disk of this size, thrown away with the guest.' }),
        ...drive,
      }),
    ]),
  )
  .default([])
  .meta({ description: 'More disks (virtio), by `path` or by `size`.' });

const nic = {
  mac: mac.optional().meta({ description: 'Default: made from run, context and place in the list.' }),
  queues: z.int().min(1).max(256).default(1).meta({ description: 'Pairs of queues (multiqueue).' }),
  rx_queue_size: z.literal([256, 512, 1024]).optional(),
  tx_queue_size: z.literal([256, 512, 1024]).optional(),
};
const interfaces = z
  .array(
    z.discriminatedUnion('type', [
      z.strictObject({ type: z.literal('bridge'), bridge: z.string().regex(/^[\w.-]{1,15}$/), ...nic }),
      z.strictObject({ type: z.literal('network'), network: text, ...nic }),
      z.strictObject({
        type: z.literal('vhost-user'),
        path: path.meta({ description: 'Socket of the virtual switch, on the host.' }),
        mode: z.enum(['client', 'server']).meta({ description: 'What QEMU is: with `server` it makes the socket.' }),
        ...nic,
      }),
    ]),
  )
  .default([])
  .meta({
    description:
      'Network cards (virtio) to measure through, beside the one that the guest is managed by. The guest leaves them down. `vhost-user` needs `shared_memory`.',
  });

/** What a guest is made of beyond CPUs and memory; each maps to libvirt's option of the same purpose. */
export const hardwareFields = {
  cpu,
  iothreads,
  cache,
  shared_memory: z
    .boolean()
    .default(false)
    .meta({ description: 'Memory that another process of the host can map, as vhost-user needs it.' }),
  disks,
  interfaces,
  agent: z
    .boolean()
    .default(false)
    .meta({ description: 'A channel for qemu-guest-agent, which the image must have (package `qemu-guest-agent`).' }),
};
