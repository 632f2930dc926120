import * as z from 'zod';
import { formatCpuMask, resolveCpus } from '../../../host/cpu-list.js';
import { defineKnob, type Item } from '../../knob.js';
import type { Machine } from '../../machine.js';
import { command, files, line, matching, names, type Snapshot } from '../../reading.js';
import { lacking, sysctlPath, value } from '../common.js';

const device = z.string().regex(/^[A-Za-z0-9_.:@-]{1,15}$/, 'expected the name of a network device, such as ens1f0');

interface Field {
  /** The setting as ethtool takes it, and as it prints it. */
  readonly takes: string;
  readonly prints: string;
}

/** What stands indented below a feature: switching it on as a whole would switch on more than there was. */
const partsOf = (output: string, feature: string): string[] => {
  const [, ...rest] = output.slice(Math.max(0, output.search(new RegExp(`^${feature}:`, 'm')))).split('\n');
  const end = rest.findIndex((line) => !/^\s/.test(line));
  return rest.slice(0, end < 0 ? undefined : end).flatMap((line) => {
    const [, part, state] = /^\s+([a-z0-9-]+): (on|off)$/.exec(line) ?? [];
    return part === undefined || state === undefined ? [] : [part, state];
  });
};

const ethtool = (show: string, change: string, name: string, field: Field, want: string, parts: string[]): Item => ({
  kind: 'action',
  label: `${name} ${field.takes}`,
  place: { kind: 'command', argv: ['ethtool', show, name] },
  aspect: `field:${field.prints}`,
  want,
  argv: ['ethtool', change, name, field.takes, want],
  undo: (before) => ['ethtool', change, name, ...(parts.length > 0 ? parts : [field.takes, before])],
});

/** ethtool prints nothing, or an error, where the driver lacks the setting. */
const orLacking = (now: Snapshot, show: string, name: string, items: () => Item[]): Item[] => {
  const output = now.commands.get(`command ethtool\0${show}\0${name}`);
  if (output === undefined || output.exitCode === 127) return [lacking(name, 'ethtool is not installed')];
  if (output.exitCode === 0) return items();
  return [isThere(now, name) ? lacking(name, `ethtool ${show} tells nothing of it`, 'unsupported') : noDevice(name)];
};

const directoryOf = (name: string): string => `/sys/class/net/${name}`;
const isThere = (now: Snapshot, name: string): boolean => now.names.has(directoryOf(name));
const noDevice = (name: string): Item => lacking(name, `there is no network device ${name}`, 'differs');

type Settings = Partial<Record<string, string | number>>;

const family = (
  show: string,
  change: string,
  fields: Readonly<Record<string, Field>>,
  setting: z.ZodType<string | number>,
) => ({
  value: z.record(device, z.partialRecord(z.enum(Object.keys(fields)), setting)) as z.ZodType<Record<string, Settings>>,
  reads: (wanted: Record<string, Settings>) =>
    Object.keys(wanted).flatMap((name) => [command('ethtool', show, name), names(directoryOf(name))]),
  items: ({ value: wanted }: { readonly value: Record<string, Settings> }, now: Snapshot): Item[] =>
    Object.entries(wanted).flatMap(([name, settings]) =>
      orLacking(now, show, name, () =>
        Object.entries(settings).map(([setting, want]) => {
          const field = fields[setting] ?? same(setting);
          const output = now.commands.get(`command ethtool\0${show}\0${name}`)?.stdout ?? '';
          return ethtool(show, change, name, field, String(want), show === '-k' ? partsOf(output, field.prints) : []);
        }),
      ),
    ),
});

const same = (name: string): Field => ({ takes: name, prints: name });
const count = z.int().min(1);

export const networkQueues = defineKnob({
  name: 'network-queues',
  group: 'performance',
  summary: 'Number of queues of a network device.',
  why: 'Each queue brings an interrupt of its own; by default there is one for each CPU, isolated ones included.',
  costs: 'Interrupts and softirqs on CPUs that have nothing to do with the device.',
  source: 'ethtool(8) -L; Documentation/networking/scaling.rst',
  mend: 'ethtool -L <device> combined <number of housekeeping CPUs>',
  ...family(
    '-l',
    '-L',
    {
      combined: { takes: 'combined', prints: 'Combined' },
      rx: { takes: 'rx', prints: 'RX' },
      tx: { takes: 'tx', prints: 'TX' },
    },
    count,
  ),
});

export const coalescing = defineKnob({
  name: 'network-coalescing',
  group: 'performance',
  summary: 'Interrupt coalescing of a network device.',
  why: 'The device waits for more packets before it interrupts: throughput for latency.',
  costs: 'The waiting time set, commonly 3 to 100 microseconds for each packet.',
  source: 'ethtool(8) -C; Documentation/networking/ethtool-netlink.rst',
  mend: 'ethtool -C <device> rx-usecs 0 tx-usecs 0',
  ...family(
    '-c',
    '-C',
    {
      'rx-usecs': same('rx-usecs'),
      'tx-usecs': same('tx-usecs'),
      'rx-frames': same('rx-frames'),
      'tx-frames': same('tx-frames'),
    },
    z.int().min(0),
  ),
});

export const ringSizes = defineKnob({
  name: 'network-rings',
  group: 'performance',
  summary: 'Descriptors in the receive and transmit rings of a network device.',
  why: 'Long rings hold bursts without loss, and make packets wait in them and fall out of the cache.',
  costs: 'Loss where too short; queueing delay where too long.',
  source: 'ethtool(8) -G',
  mend: 'ethtool -G <device> rx 1024 tx 1024',
  ...family('-g', '-G', { rx: { takes: 'rx', prints: 'RX' }, tx: { takes: 'tx', prints: 'TX' } }, count),
});

const offloads = {
  gro: 'generic-receive-offload',
  gso: 'generic-segmentation-offload',
  tso: 'tcp-segmentation-offload',
  lro: 'large-receive-offload',
  rx: 'rx-checksumming',
  tx: 'tx-checksumming',
  ntuple: 'ntuple-filters',
  rxhash: 'receive-hashing',
} as const;
const onOff = z.union([z.enum(['on', 'off']), z.boolean().transform((on) => (on ? 'on' : 'off'))]);

export const networkOffloads = defineKnob({
  name: 'network-offloads',
  group: 'performance',
  summary: 'Offloads of a network device.',
  why: 'Aggregation (GRO, LRO) holds packets back to join them.',
  costs: 'Delay and reordering of small packets by microseconds.',
  source: 'ethtool(8) -K; Documentation/networking/segmentation-offloads.rst',
  mend: 'ethtool -K <device> gro off lro off',
  ...family(
    '-k',
    '-K',
    Object.fromEntries(Object.entries(offloads).map(([takes, prints]) => [takes, { takes, prints }])),
    onOff,
  ),
});

const steering = (file: 'rps_cpus' | 'xps_cpus', directory: 'rx' | 'tx') => ({
  value: z.record(device, z.string().meta({ description: '`housekeeping`, `none` or a CPU list.' })),
  reads: (wanted: Record<string, string>) => [
    ...files(...Object.keys(wanted).map((name) => `${directoryOf(name)}/queues/${directory}-*/${file}`)),
    ...Object.keys(wanted).map((name) => names(directoryOf(name))),
  ],
  items: (
    { value: wanted, machine }: { readonly value: Record<string, string>; readonly machine: Machine },
    now: Snapshot,
  ): Item[] =>
    Object.entries(wanted).flatMap(([name, selection]) => {
      const cpus =
        selection === 'none'
          ? []
          : selection === 'housekeeping'
            ? machine.housekeeping
            : resolveCpus(selection, machine);
      const queues = matching(now, new RegExp(`^/sys/class/net/([^/]+)/queues/(${directory}-\\d+)/${file}$`));
      if (queues.every(({ groups }) => groups[0] !== name))
        return [isThere(now, name) ? lacking(name, `${name} has no ${file}`, 'unsupported') : noDevice(name)];
      return queues
        .filter(({ groups }) => groups[0] === name)
        .map(({ path, groups }): Item => ({
          kind: 'value',
          path,
          aspect: 'cpu-mask',
          want: formatCpuMask(cpus),
          label: `${name} ${groups[1] ?? ''}`,
          mayRefuse: { errors: ['ENOENT'], reason: 'a device of one queue has no choice' },
        }));
    }),
});

export const receiveSteering = defineKnob({
  name: 'network-rps',
  group: 'performance',
  summary: "CPUs that take a network device's packets after its interrupt (RPS).",
  why: "Keeps the protocol work on the housekeeping CPUs also where the interrupt can't be moved.",
  costs: 'Softirqs of microseconds to hundreds of microseconds on the CPU of the interrupt.',
  source: 'Documentation/networking/scaling.rst (RPS)',
  mend: 'Write the housekeeping mask to /sys/class/net/<device>/queues/rx-*/rps_cpus.',
  ...steering('rps_cpus', 'rx'),
});

export const transmitSteering = defineKnob({
  name: 'network-xps',
  group: 'performance',
  summary: 'CPUs that use each transmit queue of a network device (XPS).',
  why: "The completion of a packet is handled where its queue's interrupt goes.",
  costs: "Completions of others' packets on an isolated CPU: microseconds.",
  source: 'Documentation/networking/scaling.rst (XPS)',
  mend: 'Write a mask to /sys/class/net/<device>/queues/tx-*/xps_cpus.',
  ...steering('xps_cpus', 'tx'),
});

export const busyPolling = defineKnob({
  name: 'network-busy-poll',
  group: 'performance',
  summary: 'Microseconds for which sockets poll the device queue before they sleep.',
  why: 'Polling spares the interrupt and the wake-up. On PREEMPT_RT it is left off: it polls with softirqs disabled.',
  costs: 'Interrupt and wake-up: 5 to 20 microseconds for each packet.',
  source: 'Documentation/admin-guide/sysctl/net.rst (busy_poll, busy_read)',
  mend: 'sysctl net.core.busy_poll=50 net.core.busy_read=50',
  value: z.int().min(0),
  reads: () => files(sysctlPath('net.core.busy_poll'), sysctlPath('net.core.busy_read')),
  items: ({ value: microseconds, machine }, now) => {
    if (line(now, sysctlPath('net.core.busy_poll')) === undefined) return [];
    return machine.kernel.realtime && microseconds > 0
      ? [lacking('busy polling', 'not on a real-time kernel', 'unsupported')]
      : ['net.core.busy_poll', 'net.core.busy_read'].map((name) =>
          value(sysctlPath(name), 'number', microseconds, { label: name }),
        );
  },
});
