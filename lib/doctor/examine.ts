import { formatCpuList, intersectCpus } from '../host/cpu-list.js';
import type { Host } from '../host/host.js';
import { Kvm4nfvError } from '../error.js';
import { runBatch } from '../tuning/batch.js';
import type { KnobResult } from '../tuning/judge.js';
import { machineOf } from '../tuning/machine.js';
import type { ResolvedTuning } from '../tuning/profile.js';
import type { Snapshot } from '../tuning/reading.js';
import { judge, requestsOf, viewOf } from '../tuning/session.js';
import { capabilitiesOf, capabilityRequests, type Capabilities } from './capabilities.js';
import { forGuests, noKvm } from './checks/virtualisation.js';
import { checks } from './checks/index.js';
import { distributionOf, distributionRequests } from './distribution.js';
import { byCost, findingOf, type Finding, type Use } from './finding.js';
import { firmwareChecklist, firmwareOf, firmwareRequests, type FirmwareSetting } from './firmware.js';
import { hardwareLatencyFinding, measureHardwareLatency } from './hardware-latency.js';
import { isolationRequests, kernelIsolation } from './isolation.js';
import { knobFindings } from './knob-findings.js';
import { platformOf, platformRequests } from './platform.js';
import { diagnosisOf, type Seen } from './seen.js';

/** How ready a machine is for real-time work, or for polling. */
export interface Readiness {
  readonly host: string;
  readonly kernel: string;
  /** As the distribution calls itself; empty where it does not say. */
  readonly distribution: string;
  readonly profile: string;
  /** What it was looked at for. */
  readonly use: Use;
  /** The CPUs that count, as a list: those that were named, else those that the kernel isolates. Empty: none. */
  readonly isolated: string;
  /** The hypervisor that it is a guest of, as systemd-detect-virt names it. */
  readonly hypervisor?: string;
  /** Vendor, product, version and date of the firmware, as far as DMI tells. */
  readonly firmware: string;
  readonly capabilities: Capabilities;
  /** Worst first, by what each costs on this machine. */
  readonly findings: readonly Finding[];
  /** KVM4NFV's list of firmware settings: checked where the system shows them, to be looked at by hand where not. */
  readonly checklist: readonly FirmwareSetting[];
  readonly knobs: readonly KnobResult[];
}

export interface ExamineOptions {
  readonly signal?: AbortSignal;
  /** Seconds for which to look for SMIs and other gaps that the hardware makes. Default: not at all, since that may take a tracer. */
  readonly smi?: number;
  /** Tells whether KVM really runs guests where /dev/kvm is there, such as `probeKvm`. Default: the device is believed. */
  readonly kvm?: (host: Host) => Promise<{ readonly works: boolean; readonly reason: string }>;
  /** What the machine is to do. Default: `dpdk` for a profile of polling work (`cpu-partitioning`), else `realtime`. */
  readonly use?: Use;
}

/** What can't be looked at is told among the rest, and keeps nothing else from being told. */
const lookAtHardware = async (host: Host, seconds: number, signal: AbortSignal | undefined): Promise<Finding> => {
  try {
    return hardwareLatencyFinding(await measureHardwareLatency(host, seconds, signal === undefined ? {} : { signal }));
  } catch (error) {
    if (!Kvm4nfvError.is(error) || !['environment', 'tool'].includes(error.fault)) throw error;
    return findingOf({
      check: 'hardware-latency',
      what: `SMIs could not be looked for: ${error.message}`,
      costs: 'None; whether the hardware takes time for itself is not known.',
      mend: error.hint ?? 'See the message.',
    });
  }
};

/** Profiles of work that polls. */
const polling: readonly string[] = ['cpu-partitioning', 'observe-dpdk'];

/** Where nobody names CPUs, those count that the kernel isolates. */
const withKernelsCpus = (tuning: ResolvedTuning, now: Snapshot): ResolvedTuning => {
  if (tuning.parameters.isolated_cpus !== undefined) return tuning;
  const { isolated, nohzFull } = kernelIsolation(now);
  const { online } = machineOf(now, {});
  const cpus = intersectCpus(isolated.length > 0 ? isolated : nohzFull, online);
  return cpus.length === 0 || cpus.length === online.length
    ? tuning
    : { ...tuning, parameters: { ...tuning.parameters, isolated_cpus: formatCpuList(cpus) } };
};

const requests = [
  ...platformRequests,
  ...distributionRequests,
  ...isolationRequests,
  ...firmwareRequests,
  ...capabilityRequests,
  ...checks.flatMap(({ reads }) => reads),
];

/** Looks at everything a profile sets, and beyond. Writes nothing, but for what `smi` needs. */
export const examine = async (
  host: Host,
  tuning: ResolvedTuning,
  { signal, smi, kvm, use = polling.includes(tuning.profile) ? 'dpdk' : 'realtime' }: ExamineOptions = {},
): Promise<Readiness> => {
  const hardware = smi === undefined ? [] : [await lookAtHardware(host, smi, signal)];
  const { snapshot } = await runBatch(host, { requests: [...requestsOf(tuning), ...requests] }, signal);
  const view = viewOf(withKernelsCpus(tuning, snapshot), snapshot);
  const knobs = judge(view, new Map());
  const seen: Seen = {
    now: snapshot,
    machine: view.machine,
    use,
    platform: platformOf(snapshot),
    distribution: distributionOf(snapshot),
  };
  const diagnoses = checks.map((check) => diagnosisOf(check.look(seen)));
  const capabilities = capabilitiesOf(snapshot, view.machine);
  const probed = capabilities.kvm ? await kvm?.(host) : undefined;
  const silenced = new Set([
    ...diagnoses.flatMap(({ silences = [] }) => silences),
    ...(probed?.works === false ? forGuests : []),
  ]);
  const { hypervisor } = seen.platform;
  return {
    host: host.name,
    kernel: view.machine.kernel.release,
    distribution: seen.distribution.name,
    profile: tuning.profile,
    use,
    isolated: formatCpuList(view.machine.isolated),
    ...(hypervisor === undefined ? {} : { hypervisor }),
    firmware: firmwareOf(snapshot),
    capabilities: { ...capabilities, kvm: capabilities.kvm && probed?.works !== false },
    findings: byCost([
      ...hardware,
      ...(probed === undefined || probed.works ? [] : [noKvm(seen, probed.reason)]),
      ...diagnoses.flatMap(({ findings }) => findings),
      ...knobFindings(tuning.knobs, knobs, silenced, seen),
    ]),
    checklist: firmwareChecklist(snapshot, seen.platform),
    knobs,
  };
};
