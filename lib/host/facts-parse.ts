import { coreKinds } from './core-kinds.js';
import { parseCpuList } from './cpu-list.js';
import type { HostFacts } from './facts-schema.js';
import { virtualisationOf } from './facts-virtualisation.js';

/** What a host showed: the text of each file by its path, without the last newline. */
type Files = ReadonlyMap<string, string>;

const cpuDirectory = '/sys/devices/system/cpu';
const nodeDirectory = '/sys/devices/system/node';
const clocksource = '/sys/devices/system/clocksource/clocksource0';

const splitFacts = (text: string): Files => {
  const lines = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const at = line.indexOf('\0');
    if (at < 0) continue;
    const path = line.slice(0, at);
    const before = lines.get(path);
    if (before === undefined) lines.set(path, [line.slice(at + 1)]);
    else before.push(line.slice(at + 1));
  }
  return new Map([...lines].map(([path, kept]) => [path, kept.join('\n')]));
};

const integer = (text: string | undefined): number | undefined =>
  text !== undefined && /^\s*-?\d+\s*$/.test(text) ? Number(text) : undefined;
const count = (text: string | undefined): number | undefined => {
  const number = integer(text);
  return number === undefined || number < 0 ? undefined : number;
};
const list = (text: string | undefined): readonly number[] | undefined =>
  text === undefined || /[^\d,\s:/-]/.test(text) ? undefined : parseCpuList(text);
const nonEmpty = (text: string | undefined): string | undefined =>
  text === undefined || text.trim() === '' ? undefined : text.trim();
/** The chosen one of `always [madvise] never`. */
const chosen = (text: string | undefined): string | undefined =>
  text === undefined ? undefined : (/[[(]([^\])]+)[\])]/.exec(text)?.[1] ?? nonEmpty(text));
const memoryOf = (meminfo: string | undefined): number | undefined => {
  const kibibytes = integer(/MemTotal:\s*(\d+) kB/.exec(meminfo ?? '')?.[1]);
  return kibibytes === undefined ? undefined : kibibytes * 1024;
};

/** The numbers in paths such as /sys/devices/system/cpu/cpu<number>/..., ascending, each once. */
const numbered = (files: Files, directory: string, prefix: string): readonly number[] => {
  const found = new Set<number>();
  const start = `${directory}/${prefix}`;
  for (const path of files.keys()) {
    const id = path.startsWith(start) ? /^\d+(?=\/)/.exec(path.slice(start.length))?.[0] : undefined;
    if (id !== undefined) found.add(Number(id));
  }
  return [...found].sort((a, b) => a - b);
};

const topologyOf = (files: Files): HostFacts['topology'] => {
  const online = list(files.get(`${cpuDirectory}/online`)) ?? [];
  const nodes = numbered(files, nodeDirectory, 'node').map((id) => ({
    id,
    cpus: list(files.get(`${nodeDirectory}/node${String(id)}/cpulist`)) ?? [],
    memory: memoryOf(files.get(`${nodeDirectory}/node${String(id)}/meminfo`)),
  }));
  const smt = files.get(`${cpuDirectory}/smt/control`);
  const kinds = coreKinds(online, {
    list: (path) => list(files.get(path)),
    capacity: (cpu) => integer(files.get(`${cpuDirectory}/cpu${String(cpu)}/cpu_capacity`)),
  });
  return {
    online,
    offline: list(files.get(`${cpuDirectory}/offline`)) ?? [],
    present: list(files.get(`${cpuDirectory}/present`)) ?? online,
    cpus: online.map((id) => {
      const file = (name: string): string | undefined => files.get(`${cpuDirectory}/cpu${String(id)}/topology/${name}`);
      return {
        id,
        node: nodes.find(({ cpus }) => cpus.includes(id))?.id,
        package: integer(file('physical_package_id')),
        core: integer(file('core_id')),
        siblings: list(file('thread_siblings_list')),
        ...(kinds.has(id) ? { kind: kinds.get(id) } : {}),
      };
    }),
    smt: (['on', 'off', 'forceoff', 'notsupported', 'notimplemented'] as const).find((state) => state === smt),
    nodes,
  };
};

const kernelOf = (files: Files): HostFacts['kernel'] => {
  const version = files.get('/proc/sys/kernel/version') ?? '';
  const realtime = files.get('/sys/kernel/realtime') === '1' || /\bPREEMPT[_ ]RT\b/.test(version);
  const built =
    /\bPREEMPT_(DYNAMIC|LAZY)\b/.exec(version)?.[1]?.toLowerCase() ??
    (/\bPREEMPT\b/.test(version) ? 'full' : undefined);
  return {
    release: files.get('/proc/sys/kernel/osrelease') ?? '',
    version,
    cmdline: files.get('/proc/cmdline') ?? '',
    bootId: nonEmpty(files.get('/proc/sys/kernel/random/boot_id')),
    realtime,
    preemption: realtime ? 'rt' : (chosen(files.get('/sys/kernel/debug/sched/preempt')) ?? built),
    isolated: list(files.get(`${cpuDirectory}/isolated`)),
    nohzFull: list(files.get(`${cpuDirectory}/nohz_full`)),
  };
};

const cpuOf = (files: Files): HostFacts['cpu'] => {
  const fields = new Map<string, string>();
  for (const line of (files.get('/proc/cpuinfo') ?? '').split('\n')) {
    const [name = '', ...value] = line.split(':');
    if (!fields.has(name.trim())) fields.set(name.trim(), value.join(':').trim());
  }
  return {
    model: nonEmpty(fields.get('model name') ?? fields.get('Hardware')),
    vendor: nonEmpty(fields.get('vendor_id') ?? fields.get('CPU implementer')),
    family: integer(fields.get('cpu family')),
    modelNumber: integer(fields.get('model')),
    stepping: integer(fields.get('stepping')),
    microcode: nonEmpty(fields.get('microcode')),
  };
};

const cpufreqOf = (files: Files, online: readonly number[]): HostFacts['cpufreq'] => {
  const governors: Record<string, number[]> = {};
  for (const cpu of online) {
    const governor = files.get(`${cpuDirectory}/cpu${String(cpu)}/cpufreq/scaling_governor`);
    if (governor !== undefined) (governors[governor] ??= []).push(cpu);
  }
  const driver = online
    .map((cpu) => files.get(`${cpuDirectory}/cpu${String(cpu)}/cpufreq/scaling_driver`))
    .find((name) => name !== undefined);
  return driver === undefined && Object.keys(governors).length === 0 ? undefined : { driver, governors };
};

const cpuidleOf = (files: Files, online: readonly number[]): HostFacts['cpuidle'] => {
  const first = `${cpuDirectory}/cpu0/cpuidle`;
  const microseconds = (text: string | undefined): number | undefined => {
    const value = count(text);
    return value === undefined ? undefined : value * 1000;
  };
  const states = numbered(files, first, 'state').map((index) => {
    const state = `state${String(index)}`;
    return {
      name: files.get(`${first}/${state}/name`) ?? state,
      description: nonEmpty(files.get(`${first}/${state}/desc`)),
      latency: microseconds(files.get(`${first}/${state}/latency`)),
      residency: microseconds(files.get(`${first}/${state}/residency`)),
      disabled: online.filter(
        (cpu) => (integer(files.get(`${cpuDirectory}/cpu${String(cpu)}/cpuidle/${state}/disable`)) ?? 0) !== 0,
      ),
    };
  });
  const driver = nonEmpty(files.get(`${cpuDirectory}/cpuidle/current_driver`));
  const governor = nonEmpty(
    files.get(`${cpuDirectory}/cpuidle/current_governor`) ?? files.get(`${cpuDirectory}/cpuidle/current_governor_ro`),
  );
  return driver === undefined && states.length === 0 ? undefined : { driver, governor, states };
};

const pages = /^\/sys\/(?:devices\/system\/node\/node(\d+)|kernel\/mm)\/hugepages\/hugepages-(\d+)kB\/nr_hugepages$/;

const hugepagesOf = (files: Files): HostFacts['hugepages'] => {
  const all = [...files].flatMap(([path, text]) => {
    const match = pages.exec(path);
    const total = count(text);
    if (match === null || total === undefined) return [];
    return [
      {
        node: integer(match[1]),
        size: Number(match[2]) * 1024,
        total,
        free: count(files.get(path.replace('nr_hugepages', 'free_hugepages'))),
      },
    ];
  });
  const byNode = all.filter(({ node }) => node !== undefined);
  return (byNode.length > 0 ? byNode : all).sort((a, b) => (a.node ?? 0) - (b.node ?? 0) || a.size - b.size);
};

const dmiOf = (files: Files): HostFacts['dmi'] => {
  const field = (name: string): string | undefined => nonEmpty(files.get(`/sys/class/dmi/id/${name}`));
  const dmi = {
    vendor: field('sys_vendor'),
    product: field('product_name'),
    biosVendor: field('bios_vendor'),
    biosVersion: field('bios_version'),
    biosDate: field('bios_date'),
  };
  return Object.values(dmi).every((value) => value === undefined) ? undefined : dmi;
};

/** Reads what `factsScript` printed. */
export const parseFacts = (text: string): HostFacts => {
  const files = splitFacts(text);
  const topology = topologyOf(files);
  const uid = count(files.get(':uid'));
  const current = nonEmpty(files.get(`${clocksource}/current_clocksource`));
  const enabled = chosen(files.get('/sys/kernel/mm/transparent_hugepage/enabled'));
  const vulnerabilities = `${cpuDirectory}/vulnerabilities/`;
  return {
    hostname: files.get('/proc/sys/kernel/hostname') ?? '',
    machine: files.get(':machine') ?? '',
    cpu: cpuOf(files),
    topology,
    kernel: kernelOf(files),
    clocksource:
      current === undefined
        ? undefined
        : { current, available: (files.get(`${clocksource}/available_clocksource`) ?? '').trim().split(/\s+/) },
    cpufreq: cpufreqOf(files, topology.online),
    cpuidle: cpuidleOf(files, topology.online),
    hugepages: hugepagesOf(files),
    transparentHugepages:
      enabled === undefined
        ? undefined
        : { enabled, defrag: chosen(files.get('/sys/kernel/mm/transparent_hugepage/defrag')) },
    virtualisation: { type: virtualisationOf(files), kvm: files.has(':kvm') },
    dmi: dmiOf(files),
    mitigations: Object.fromEntries(
      [...files]
        .filter(([path]) => path.startsWith(vulnerabilities))
        .map(([path, said]) => [path.slice(vulnerabilities.length), said]),
    ),
    memory: memoryOf(files.get('/proc/meminfo')),
    user: {
      uid: uid ?? 65534,
      name: nonEmpty(files.get(':user')),
      root: uid === 0,
      ...(files.has(':sudo') ? { sudo: true } : {}),
    },
  };
};
