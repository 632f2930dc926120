import { line, matching, type Snapshot } from '../tuning/reading.js';

/** A setting of the firmware; `seen` is what the running system betrays of it. */
export interface FirmwareSetting {
  readonly setting: string;
  readonly wanted: string;
  readonly why: string;
  /** `by-hand`: the system doesn't show it. */
  readonly state: 'ok' | 'wrong' | 'by-hand';
  readonly seen?: string;
}

interface Check {
  readonly setting: string;
  readonly wanted: string;
  readonly why: string;
  readonly look?: (now: Snapshot) => { readonly ok: boolean; readonly seen: string } | undefined;
}

const flags = (now: Snapshot): ReadonlySet<string> =>
  new Set(/^flags\s*:\s*(.*)$/m.exec(now.texts.get('/proc/cpuinfo') ?? '')?.[1]?.split(' '));
const bare = (now: Snapshot): boolean => !flags(now).has('hypervisor');

const deepest = (now: Snapshot): number | undefined => {
  const latencies = matching(now, /cpuidle\/state\d+\/latency$/).map(({ text }) => Number(text));
  return latencies.length === 0 ? undefined : Math.max(...latencies);
};
const idle = (now: Snapshot) => {
  const latency = deepest(now);
  return latency === undefined
    ? undefined
    : { ok: latency <= 2, seen: `deepest idle state leaves after ${String(latency)} us` };
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
    wanted: 'Disabled',
    why: 'C1 turns into C1E by itself, which also lowers the voltage',
    look: (now) => {
      const names = matching(now, /cpuidle\/state\d+\/name$/).map(({ text }) => text.trim());
      return names.length === 0
        ? undefined
        : { ok: !names.some((name) => name.startsWith('C1E')), seen: `idle states ${[...new Set(names)].join(', ')}` };
    },
  },
  {
    setting: 'Enhanced SpeedStep, P-states',
    wanted: 'Disabled',
    why: 'frequency changes stop the core for microseconds',
    look: (now) => {
      const driver = line(now, '/sys/devices/system/cpu/cpufreq/policy0/scaling_driver');
      return bare(now)
        ? { ok: driver === undefined, seen: driver === undefined ? 'no frequency driver' : `driver ${driver}` }
        : undefined;
    },
  },
  {
    setting: 'Turbo Boost',
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
    wanted: 'Enabled',
    why: 'interleaved memory is remote half of the time',
    look: (now) => {
      const nodes = matching(now, /node(\d+)\/cpulist$/).length;
      const packages = new Set(matching(now, /topology\/physical_package_id$/).map(({ text }) => text.trim())).size;
      return packages < 2
        ? undefined
        : { ok: nodes >= packages, seen: `${String(nodes)} nodes for ${String(packages)} sockets` };
    },
  },
  {
    setting: 'Cluster-on-die / sub-NUMA clustering',
    wanted: 'Disabled',
    why: 'halves the cache and memory channels that a core sees',
    look: (now) => {
      const nodes = matching(now, /node(\d+)\/cpulist$/).length;
      const packages = new Set(matching(now, /topology\/physical_package_id$/).map(({ text }) => text.trim())).size;
      return packages === 0 || nodes === 0
        ? undefined
        : { ok: nodes <= packages, seen: `${String(nodes)} nodes for ${String(packages)} sockets` };
    },
  },
  {
    setting: 'Patrol scrub, demand scrub',
    wanted: 'Disabled',
    why: 'the memory controller reads all memory in the background',
  },
  { setting: 'Correctable error threshold', wanted: '10', why: 'each report of a corrected error may be an SMI' },
  { setting: 'Enhanced error containment', wanted: 'Disabled', why: 'adds error handling to the data path' },
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
        : { ok: true, seen: `${online} online of ${possible}` };
    },
  },
  {
    setting: 'Execute disable bit',
    wanted: 'Enabled',
    why: "the kernel's own protection needs it",
    look: (now) =>
      flags(now).size === 0 ? undefined : { ok: flags(now).has('nx'), seen: flags(now).has('nx') ? 'nx' : 'no nx' },
  },
  {
    setting: 'Virtualization (VT-x, AMD-V)',
    wanted: 'Enabled',
    why: 'KVM needs it',
    look: (now) => {
      const there = flags(now).has('vmx') || flags(now).has('svm');
      return flags(now).size > 0 && (bare(now) || there)
        ? {
            ok: there && now.names.has('/dev/kvm'),
            seen: now.names.has('/dev/kvm') ? '/dev/kvm' : there ? 'flag without /dev/kvm' : 'no vmx or svm',
          }
        : undefined;
    },
  },
  {
    setting: 'VT-d, AMD-Vi (IOMMU)',
    wanted: 'Enabled',
    why: 'device assignment needs it',
    look: (now) => {
      const groups = [...now.names].some((name) => name.startsWith('/sys/kernel/iommu_groups/'));
      return bare(now) || groups ? { ok: groups, seen: groups ? 'IOMMU groups' : 'no IOMMU groups' } : undefined;
    },
  },
  { setting: 'TXT', wanted: 'Disabled', why: 'measured launch adds SMM work' },
  {
    setting: 'USB controller; USB 3',
    wanted: 'Enabled; auto',
    why: 'a keyboard must still work once legacy support is off',
  },
  { setting: 'Legacy USB support', wanted: 'Disabled', why: 'emulated by SMIs, on every CPU at once' },
  {
    setting: 'Port 60/64 emulation',
    wanted: 'Disabled',
    why: 'emulated by SMIs, on every CPU at once',
    look: (now) => {
      // An i8042 that no firmware table names (PNP0303) can only be emulated; where it is named nothing can be said.
      const keyboard = [...now.names].some((name) => name.startsWith('/sys/bus/serio/devices/'));
      return bare(now) && !keyboard ? { ok: true, seen: 'no i8042 keyboard controller' } : undefined;
    },
  },
  {
    setting: 'Hyper-Threading (SMT)',
    wanted: 'Disabled',
    why: 'the sibling takes execution units and cache away',
    look: (now) => {
      const active = line(now, '/sys/devices/system/cpu/smt/active');
      return active === undefined ? undefined : { ok: active === '0', seen: active === '0' ? 'off' : 'on' };
    },
  },
];

export const firmwareChecklist = (now: Snapshot): FirmwareSetting[] =>
  checks.map(({ setting, wanted, why, look }) => {
    const found = look?.(now);
    return found === undefined
      ? { setting, wanted, why, state: 'by-hand' }
      : { setting, wanted, why, state: found.ok ? 'ok' : 'wrong', seen: found.seen };
  });

/** Vendor, product, version and date, as far as DMI tells. */
export const firmwareOf = (now: Snapshot): string =>
  ['sys_vendor', 'product_name', 'bios_version', 'bios_date']
    .flatMap((name) => line(now, `/sys/class/dmi/id/${name}`) ?? [])
    .filter((text) => text !== '')
    .join(', ');
