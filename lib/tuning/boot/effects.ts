import { intersectCpus, parseCpuMask } from '../../host/cpu-list.js';
import { canonical } from '../aspect.js';
import { missingParameters, parameterOf } from '../cmdline.js';
import type { Effect, Item } from '../knob.js';
import type { Machine } from '../machine.js';
import { files, line, matching, type Request, type Snapshot } from '../reading.js';

/** A kernel parameter, judged by its effect where the kernel shows one. */
export const parameterShowing = (parameter: string, shows: Effect | undefined): Item => ({
  kind: 'parameter',
  parameter,
  label: parameter,
  ...(shows === undefined ? {} : { shows }),
});

const isolatedPath = '/sys/devices/system/cpu/isolated';
const nohzPath = '/sys/devices/system/cpu/nohz_full';
const defaultAffinityPath = '/proc/irq/default_smp_affinity';

export const isolationRequests: readonly Request[] = files(isolatedPath);
export const nohzRequests: readonly Request[] = files(nohzPath);
export const offloadRequests: readonly Request[] = files('/proc/[0-9]*/stat');
export const affinityRequests: readonly Request[] = files(defaultAffinityPath);
export const iommuRequests: readonly Request[] = files('/sys/kernel/iommu_groups/*/type');

const cpusShown = (now: Snapshot, path: string): string | undefined => {
  const shown = line(now, path);
  return shown === undefined ? undefined : shown === '(null)' ? '' : canonical('cpu-list', shown);
};

/** CPUs in one file, which are to be exactly these. */
const exactly = (now: Snapshot, path: string, cpus: string, name: string): Effect | undefined => {
  const shown = cpusShown(now, path);
  if (shown === undefined) return undefined;
  const text = shown || 'none';
  return { effective: shown === cpus, text, reason: `${name} is given, but ${path} shows ${text}` };
};

/** `domain` shows in a file; the other flags nowhere but on the command line. */
export const isolationEffect = (
  now: Snapshot,
  { cmdline }: Machine,
  flags: readonly string[],
  cpus: string,
): Effect | undefined => {
  const domain = exactly(now, isolatedPath, cpus, 'isolcpus=');
  if (domain === undefined || !flags.includes('domain')) return undefined;
  const unseen = flags.filter((flag) => flag !== 'domain');
  const rest = unseen.length === 0 ? [] : missingParameters(cmdline, [`isolcpus=${unseen.join(',')},${cpus}`]);
  return { ...domain, effective: domain.effective && rest.length === 0 };
};

export const nohzFullEffect = (now: Snapshot, cpus: string): Effect | undefined =>
  exactly(now, nohzPath, cpus, 'nohz_full=');

/** The tick can stop unless somebody said that it may not. */
export const nohzEffect = ({ cmdline }: Machine): Effect => {
  const given = parameterOf(cmdline, 'nohz');
  return { effective: given !== 'off' && given !== '0', text: given ?? 'on by default' };
};

/** The kernel's only visible sign: an offload thread for each such CPU (rcuop/N with full preemption, rcuos/N or rcuob/N without). */
export const offloadEffect = (now: Snapshot, cpus: readonly number[]): Effect | undefined => {
  const names = matching(now, /^\/proc\/(\d+)\/stat$/).flatMap(({ text }) => /\((\w+\/\d+)\)/.exec(text)?.[1] ?? []);
  // Without any thread of the kernel, as in a container, nothing is to be seen.
  if (!names.some((name) => name.startsWith('ksoftirqd/'))) return undefined;
  const offloaded = names.flatMap((name) => /^rcuo[psb]\/(\d+)$/.exec(name)?.[1] ?? []).map(Number);
  const missing = cpus.filter((cpu) => !offloaded.includes(cpu));
  const text =
    missing.length === 0 ? 'rcuo threads of all' : `no rcuo thread of CPU ${canonical('cpu-list', missing.join(','))}`;
  const why = offloaded.length === 0 ? ': the kernel is built without CONFIG_RCU_NOCB_CPU' : '';
  return { effective: missing.length === 0, text, reason: `rcu_nocbs= is given, but there is ${text}${why}` };
};

/** Where interrupts start that are set up from now on. The kernel adds the CPU that it boots on. */
export const affinityEffect = (now: Snapshot, housekeeping: readonly number[]): Effect | undefined => {
  const shown = line(now, defaultAffinityPath);
  if (shown === undefined || !/^[0-9a-f,]+$/i.test(shown)) return undefined;
  const cpus = parseCpuMask(shown);
  const text = canonical('cpu-mask', shown);
  const within = intersectCpus(cpus, [0, ...housekeeping]).length === cpus.length;
  return { effective: within, text, reason: `irqaffinity= is given, but ${defaultAffinityPath} shows CPUs ${text}` };
};

export const iommuGroups = /^\/sys\/kernel\/iommu_groups\/[^/]+\/type$/;
/** Types of the groups' domains: `identity` passes through, `DMA` and `DMA-FQ` map. */
const domains = (now: Snapshot): string[] => matching(now, iommuGroups).map(({ text }) => text.trim());

/** What switches IOMMUs off on the command line. */
const switchedOff = ['iommu=off', 'intel_iommu=off', 'amd_iommu=off'];

/** Why there is no IOMMU group. */
export const whyNoGroups = ({ cmdline }: Machine): string => {
  const off = switchedOff.find((parameter) => missingParameters(cmdline, [parameter]).length === 0);
  return off === undefined
    ? 'the kernel shows no IOMMU group: VT-d or AMD-Vi is off in the firmware, or the kernel is built without it'
    : `the kernel shows no IOMMU group: ${off} stands on its command line`;
};

const noGroups = (machine: Machine, name: string): Effect => ({
  effective: false,
  text: 'no IOMMU group',
  reason: `${name} is given, but ${whyNoGroups(machine)}`,
});

export const iommuOnEffect = (now: Snapshot, machine: Machine, name: string): Effect => {
  const { length } = domains(now);
  return length === 0 ? noGroups(machine, name) : { effective: true, text: `${String(length)} IOMMU groups` };
};

/** Untrusted devices, and those whose driver asks for it, are mapped all the same: one group that passes through is enough. */
export const passThroughEffect = (now: Snapshot, machine: Machine, name: string): Effect => {
  const types = domains(now);
  if (types.length === 0) return noGroups(machine, name);
  const mapped = types.filter((type) => type.startsWith('DMA')).length;
  return {
    effective: types.includes('identity'),
    text: `${String(types.length - mapped)} of ${String(types.length)} IOMMU groups pass through`,
    reason: `${name} is given, but all ${String(types.length)} IOMMU groups are of type ${[...new Set(types)].join(', ')}`,
  };
};

const modulePath = (parameter: string): string => {
  const [module = '', name = ''] = parameter.split('=', 1)[0]?.split('.') ?? [];
  return `/sys/module/${module}/parameters/${name}`;
};
export const moduleRequests = (parameter: string): Request[] => files(modulePath(parameter));

/** `module.name=value`, where the module shows its parameters. */
export const moduleEffect = (now: Snapshot, parameter: string): Effect | undefined => {
  const path = modulePath(parameter);
  const shown = line(now, path);
  if (shown === undefined) return undefined;
  const wanted = parameter.slice(parameter.indexOf('=') + 1);
  const effective = canonical('flag', shown) === canonical('flag', wanted);
  return { effective, text: shown, reason: `${parameter} is given, but ${path} shows ${shown}` };
};

/** A kernel file that is to show one value. */
export const fileEffect = (now: Snapshot, path: string, want: string, name: string): Effect | undefined => {
  const shown = line(now, path);
  return shown === undefined
    ? undefined
    : { effective: shown === want, text: shown, reason: `${name} is given, but ${path} shows ${shown}` };
};
