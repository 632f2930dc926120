import { formatCpuList, parseCpuList } from '../../host/cpu-list.js';

/** `-` and `_` are the same in a parameter's name. */
export const parameterName = (parameter: string): string =>
  parameter.replace(/^"/, '').split('=', 1)[0]?.replaceAll('-', '_') ?? '';

/** Undefined where the parameter is a plain word. Quotes around the value, or around the whole, are no part of it. */
export const parameterValue = (parameter: string): string | undefined => {
  const whole = parameter.startsWith('"') ? parameter.replaceAll('"', '') : parameter;
  const mark = whole.indexOf('=');
  return mark < 0 ? undefined : whole.slice(mark + 1).replaceAll('"', '');
};

/** Options of which one at a time holds; each stands in one of these groups, or for itself. */
interface Options {
  /** Between the options of one value. Undefined: a value is one option, and more come with more occurrences. */
  readonly separator?: ',';
  readonly exclusive: readonly (readonly string[])[];
}

/**
 * Parameters whose options add up over all that is given, from Documentation/admin-guide/kernel-parameters.txt and, where it
 * says too little, from the functions that read them: intel_iommu_setup, iommu_setup, parse_amd_iommu_options,
 * intel_pstate_setup, tsc_setup, mcheck_enable.
 */
const options: Readonly<Record<string, Options>> = {
  intel_iommu: {
    separator: ',',
    exclusive: [
      ['on', 'off'],
      ['sm_on', 'sm_off'],
    ],
  },
  iommu: {
    separator: ',',
    exclusive: [
      ['off', 'on', 'force', 'noforce'],
      ['pt', 'nopt'],
      ['merge', 'nomerge'],
    ],
  },
  amd_iommu: { separator: ',', exclusive: [['on', 'off', 'force_enable']] },
  intel_pstate: { exclusive: [['disable', 'active', 'passive', 'force']] },
  tsc: {
    exclusive: [
      ['reliable', 'unstable'],
      ['nowatchdog', 'watchdog'],
    ],
  },
  mce: {
    exclusive: [
      ['off', 'on'],
      ['ignore_ce', 'no_ignore_ce'],
    ],
  },
};

/** What takes an option's effect away without being of its group: a TSC that is unstable needs no watchdog, an IOMMU that is off passes nothing through. */
const against: Readonly<Record<string, readonly string[]>> = {
  'tsc=nowatchdog': ['unstable'],
  'iommu=pt': ['off'],
  'iommu=nopt': ['off'],
};

/** Parameters that may stand several times with different values; one more is added, none is replaced. */
const repeatable = new Set([
  ...['console', 'earlycon', 'earlyprintk', 'memmap', 'acpi_osi', 'video', 'ip', 'initrd', 'early_param'],
  ...['module_blacklist', 'modprobe.blacklist', 'rd.driver.blacklist', 'rd.driver.pre', 'dyndbg', 'vlan', 'bond'],
  ...['rd.luks.uuid', 'rd.luks.name', 'rd.lvm.lv', 'rd.lvm.vg', 'rd.md.uuid', 'rd.dm.uuid', 'ifname', 'nameserver'],
  ...['blkdevparts', 'mtdparts', 'pci', 'crashkernel', 'systemd.setenv', 'efi', 'cgroup_disable', 'clearcpuid'],
]);

const sizes: Readonly<Record<string, number>> = { k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };
/** As memparse() reads it: a `B` behind the unit is not looked at. */
export const sizeOf = (value: string): string => {
  const match = /^(\d+)([kmg]?)b?$/i.exec(value);
  return match === null ? value : String(Number(match[1]) * (sizes[(match[2] ?? '').toLowerCase()] ?? 1));
};

/** `1:2,0:4` counts pages by node, in any order. */
const countsOf = (value: string): string =>
  value
    .split(',')
    .sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
    .join(',');

/** CPUs in one form; what is no list that can be read without the machine (`all`, `2-N`) stands for itself. */
const cpusOf = (value: string): string => {
  try {
    return formatCpuList(parseCpuList(value));
  } catch {
    return value;
  }
};

const cpuLists = new Set(['nohz_full', 'rcu_nocbs', 'irqaffinity', 'kthread_cpus', 'systemd.cpu_affinity']);
const booleans: Readonly<Record<string, string>> = { y: '1', yes: '1', on: '1', n: '0', no: '0', off: '0' };
/** Words that take no value: anything behind `=` is not looked at. */
const words = new Set(['nosoftlockup', 'nowatchdog', 'threadirqs', 'rcu_nocb_poll', 'quiet', 'ro', 'rw']);

/** The value in its one form, so that two spellings of one value are equal; undefined for a plain word. */
export const canonicalValue = (parameter: string): string | undefined => {
  const name = parameterName(parameter);
  const value = parameterValue(parameter);
  if (value === undefined || words.has(name)) return undefined;
  if (cpuLists.has(name)) return cpusOf(value);
  if (name === 'hugepages') return countsOf(value);
  if (name === 'default_hugepagesz' || name === 'hugepagesz') return sizeOf(value);
  if (name.includes('.') || name === 'audit' || name === 'nohz') return booleans[value.toLowerCase()] ?? value;
  return value;
};

export interface Isolation {
  readonly flags: readonly string[];
  readonly cpus: string;
}

/** What `isolcpus=` says: flags, `domain` where none is given, and CPUs. */
export const isolationOf = (value: string): Isolation => {
  const parts = value.split(',');
  const first = parts.findIndex((part) => !/^[a-z_]+$/.test(part));
  const flags = first < 0 ? [] : parts.slice(0, first);
  return { flags: flags.length === 0 ? ['domain'] : flags, cpus: cpusOf(parts.slice(first < 0 ? 0 : first).join(',')) };
};

export type Grammar =
  | { readonly kind: 'value' }
  | { readonly kind: 'list' }
  | { readonly kind: 'isolation' }
  | ({ readonly kind: 'options' } & Options);

/** How a parameter's occurrences go together. */
export const grammarOf = (parameter: string): Grammar => {
  const name = parameterName(parameter);
  const own = options[name];
  // A plain word, or a value that no kernel reads, has no options to add up.
  if (own !== undefined)
    return /^[^\s]+$/.test(parameterValue(parameter) ?? '') ? { kind: 'options', ...own } : { kind: 'list' };
  if (name === 'isolcpus') return { kind: 'isolation' };
  return { kind: repeatable.has(name) ? 'list' : 'value' };
};

/** The options of one occurrence. */
export const optionsOf = (parameter: string, { separator }: Options): string[] => {
  const value = parameterValue(parameter) ?? '';
  return separator === undefined ? [value] : value.split(separator).filter((option) => option !== '');
};

/** Options that an option of this parameter can't stand beside. */
export const rivalsOf = (name: string, option: string, { exclusive }: Options): string[] => [
  ...(exclusive.find((group) => group.includes(option)) ?? []).filter((other) => other !== option),
  ...(against[`${name}=${option}`] ?? []),
];
