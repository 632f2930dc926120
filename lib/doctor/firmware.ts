import { files, line, matching, names, type Request, type Snapshot } from '../tuning/reading.js';
import type { Platform } from './platform.js';

/** A setting of the firmware; `seen` is what the running system betrays of it. */
export interface FirmwareSetting {
  readonly setting: string;
  readonly wanted: string;
  readonly why: string;
  /** `by-hand`: the system doesn't show it. */
  readonly state: 'ok' | 'wrong' | 'by-hand';
  readonly seen?: string;
}

type Vendor = 'intel' | 'amd';

interface Check {
  readonly setting: string;
  readonly wanted: string;
  readonly why: string;
  /** Firmware of other processors has no such setting. Default: that of every one has. */
  readonly of?: Vendor | 'x86';
  /** What AMD's firmware calls it. */
  readonly amd?: string;
  readonly look?: (now: Snapshot, platform: Platform) => { readonly ok: boolean; readonly seen: string } | undefined;
}

const dmi = ['sys_vendor', 'product_name', 'bios_version', 'bios_date'].map((name) => `/sys/class/dmi/id/${name}`);

export const firmwareRequests: readonly Request[] = [
  ...files(
    ...dmi,
    '/sys/devices/system/cpu/cpu[0-9]*/cpuidle/state*/latency',
    '/sys/devices/system/cpu/cpu[0-9]*/cpuidle/state*/name',
    '/sys/devices/system/cpu/cpu[0-9]*/cpuidle/state*/disable',
    '/sys/devices/system/cpu/cpu[0-9]*/topology/physical_package_id',
    '/sys/devices/system/cpu/cpufreq/policy0/scaling_driver',
    '/sys/devices/system/cpu/intel_pstate/no_turbo',
    '/sys/devices/system/cpu/cpufreq/boost',
    '/sys/devices/system/cpu/smt/active',
    '/sys/devices/system/node/node[0-9]*/cpulist',
    '/sys/devices/system/cpu/possible',
    '/sys/devices/system/cpu/online',
  ),
  names('/sys/bus/serio/devices/*'),
];

const bare = ({ hypervisor }: Platform): boolean => hypervisor === undefined;
const verdict = (ok: boolean, seen: string) => ({ ok, seen });

/** Nodes that have CPUs, and sockets. */
const nodesAndSockets = (now: Snapshot): { readonly nodes: number; readonly sockets: number } => ({
  nodes: matching(now, /node(\d+)\/cpulist$/).filter(({ text }) => text.trim() !== '').length,
  sockets: new Set(matching(now, /topology\/physical_package_id$/).map(({ text }) => text.trim())).size,
});
const count = (number: number, what: string): string => `${String(number)} ${what}${number === 1 ? '' : 's'}`;
const nodesSeen = ({ nodes, sockets }: { nodes: number; sockets: number }): string =>
  `${count(nodes, 'node')} for ${count(sockets, 'socket')}`;

const deepest = (now: Snapshot): number | undefined => {
  const latencies = matching(now, /cpuidle\/state\d+\/latency$/).map(({ text }) => Number(text));
  return latencies.length === 0 ? undefined : Math.max(...latencies);
};
const idle = (now: Snapshot, platform: Platform) => {
  const latency = bare(platform) ? deepest(now) : undefined;
  return latency === undefined
    ? undefined
    : verdict(latency <= 2, `deepest idle state leaves after ${String(latency)} us`);
};

/** KVM4NFV's list (Brahmaputra, environment set-up), with where Linux shows what the firmware was told. */
const checks: readonly Check[] = [
  {
    setting: 'CPU power and performance policy',
    wanted: 'Performance',
    why: 'the firmware caps frequencies otherwise',
  },
  {
    setting: 'CPU C-states, C3, C6',
    wanted: 'Disabled',
    why: 'waking from them takes up to hundreds of microseconds',
    look: idle,
  },
  {
    setting: 'C1E autopromote',
    of: 'intel',
    wanted: 'Disabled',
    why: 'C1 turns into C1E by itself, which also lowers the voltage',
    look: (now, platform) => {
      const found = [...new Set(matching(now, /cpuidle\/state\d+\/name$/).map(({ text }) => text.trim()))];
      return found.length === 0 || !bare(platform)
        ? undefined
        : verdict(!found.some((name) => name.startsWith('C1E')), `idle states ${found.join(', ')}`);
    },
  },
  {
    setting: 'Enhanced SpeedStep, P-states',
    amd: "Cool'n'Quiet, CPPC, P-states",
    wanted: 'Disabled',
    why: 'frequency changes stop the core for microseconds',
    look: (now, platform) => {
      const driver = line(now, '/sys/devices/system/cpu/cpufreq/policy0/scaling_driver');
      return bare(platform)
        ? verdict(driver === undefined, driver === undefined ? 'no frequency driver' : `driver ${driver}`)
        : undefined;
    },
  },
  {
    setting: 'Turbo Boost',
    amd: 'Core Performance Boost',
    wanted: 'Disabled',
    why: 'run times vary with temperature and the load of other cores',
    look: (now) => {
      const noTurbo = line(now, '/sys/devices/system/cpu/intel_pstate/no_turbo');
      const boost = line(now, '/sys/devices/system/cpu/cpufreq/boost');
      if (noTurbo === undefined && boost === undefined) return undefined;
      const on = noTurbo === '0' || boost === '1';
      return { ok: !on, seen: on ? 'on' : 'off' };
    },
  },
  { setting: 'Memory RAS mode', wanted: 'Maximum performance', why: 'mirroring and sparing cost bandwidth' },
  {
    setting: 'NUMA optimized',
    amd: 'Memory interleaving (no NPS0)',
    wanted: 'Enabled',
    why: 'interleaved memory is remote half of the time',
    look: (now, platform) => {
      const { nodes, sockets } = nodesAndSockets(now);
      return sockets < 2 || !bare(platform) ? undefined : verdict(nodes >= sockets, nodesSeen({ nodes, sockets }));
    },
  },
  {
    setting: 'Cluster-on-die / sub-NUMA clustering',
    of: 'intel',
    wanted: 'Disabled',
    why: 'halves the cache and memory channels that a core sees',
    look: (now, platform) => {
      const { nodes, sockets } = nodesAndSockets(now);
      return sockets === 0 || nodes === 0 || !bare(platform)
        ? undefined
        : verdict(nodes <= sockets, nodesSeen({ nodes, sockets }));
    },
  },
  {
    setting: 'NUMA nodes per socket (NPS)',
    of: 'amd',
    wanted: 'NPS4 where guests and devices stay within a node, else NPS1',
    why: 'with four nodes a core reaches the memory next to it sooner, and a fourth of the channels only',
    look: (now, platform) => {
      const { nodes, sockets } = nodesAndSockets(now);
      return sockets === 0 || nodes < sockets || !bare(platform)
        ? undefined
        : verdict(true, `${nodesSeen({ nodes, sockets })} (NPS${String(nodes / sockets)})`);
    },
  },
  {
    setting: 'Patrol scrub, demand scrub',
    wanted: 'Disabled',
    why: 'the memory controller reads all memory in the background',
  },
  { setting: 'Correctable error threshold', wanted: '10', why: 'each report of a corrected error may be an SMI' },
  {
    setting: 'Enhanced error containment',
    of: 'intel',
    wanted: 'Disabled',
    why: 'adds error handling to the data path',
  },
  {
    setting: 'Active processor cores',
    wanted: 'All',
    why: "cores that are off are cores that can't be isolated",
    look: (now) => {
      const [possible, online] = [
        line(now, '/sys/devices/system/cpu/possible'),
        line(now, '/sys/devices/system/cpu/online'),
      ];
      return possible === undefined || online === undefined
        ? undefined
        : verdict(true, `${online} online of ${possible}`);
    },
  },
  {
    setting: 'Execute disable bit',
    of: 'x86',
    wanted: 'Enabled',
    why: "the kernel's own protection needs it",
    look: (_, { flags }) => (flags.size === 0 ? undefined : verdict(flags.has('nx'), flags.has('nx') ? 'nx' : 'no nx')),
  },
  {
    setting: 'Virtualization (VT-x, AMD-V)',
    of: 'x86',
    wanted: 'Enabled',
    why: 'KVM needs it',
    look: (now, platform) => {
      const { flags } = platform;
      const there = flags.has('vmx') || flags.has('svm');
      const device = now.names.has('/dev/kvm');
      if (flags.size === 0 || !(bare(platform) || device)) return undefined;
      return verdict(there && device, device ? '/dev/kvm' : there ? 'flag without /dev/kvm' : 'no vmx or svm');
    },
  },
  {
    setting: 'VT-d, AMD-Vi, SMMU (IOMMU)',
    wanted: 'Enabled',
    why: 'device assignment needs it',
    look: (now, platform) => {
      const groups = [...now.names].some((name) => name.startsWith('/sys/kernel/iommu_groups/'));
      return bare(platform) || groups ? verdict(groups, groups ? 'IOMMU groups' : 'no IOMMU groups') : undefined;
    },
  },
  { setting: 'TXT', of: 'intel', wanted: 'Disabled', why: 'measured launch adds SMM work' },
  {
    setting: 'USB controller; USB 3',
    of: 'x86',
    wanted: 'Enabled; auto',
    why: 'a keyboard must still work once legacy support is off',
  },
  { setting: 'Legacy USB support', of: 'x86', wanted: 'Disabled', why: 'emulated by SMIs, on every CPU at once' },
  {
    setting: 'Port 60/64 emulation',
    of: 'x86',
    wanted: 'Disabled',
    why: 'emulated by SMIs, on every CPU at once',
    look: (now, platform) => {
      // An i8042 that no firmware table names (PNP0303) can only be emulated; where it is named nothing can be said.
      const keyboard = [...now.names].some((name) => name.startsWith('/sys/bus/serio/devices/'));
      return bare(platform) && !keyboard ? verdict(true, 'no i8042 keyboard controller') : undefined;
    },
  },
  {
    setting: 'Hyper-Threading (SMT)',
    amd: 'SMT',
    wanted: 'Disabled',
    why: 'the sibling takes execution units and cache away',
    look: (now) => {
      const active = line(now, '/sys/devices/system/cpu/smt/active');
      return active === undefined ? undefined : verdict(active === '0', active === '0' ? 'off' : 'on');
    },
  },
];

/** All settings of the list, whatever the processor. */
export const firmwareSettings: readonly Pick<FirmwareSetting, 'setting' | 'wanted' | 'why'>[] = checks;

const applies = (of: Check['of'], { architecture, vendor }: Platform): boolean => {
  if (of === undefined) return true;
  if (architecture !== 'x86') return false;
  return of === 'x86' || vendor === 'other' || of === vendor;
};

/** The settings that firmware of such a processor has, and how they stand as far as Linux shows it. */
export const firmwareChecklist = (now: Snapshot, platform: Platform): FirmwareSetting[] =>
  checks
    .filter(({ of }) => applies(of, platform))
    .map(({ setting, amd, wanted, why, look }) => {
      const found = look?.(now, platform);
      const named = { setting: platform.vendor === 'amd' ? (amd ?? setting) : setting, wanted, why };
      return found === undefined
        ? { ...named, state: 'by-hand' }
        : { ...named, state: found.ok ? 'ok' : 'wrong', seen: found.seen };
    });

/** Vendor, product, version and date, as far as DMI tells. */
export const firmwareOf = (now: Snapshot): string =>
  dmi
    .flatMap((path) => line(now, path) ?? [])
    .filter((text) => text !== '')
    .join(', ');
