import type { Host } from '../host/host.js';
import { Kvm4nfvError } from '../error.js';
import { runBatch } from '../tuning/batch.js';
import { firmwareChecklist, firmwareOf, type FirmwareSetting } from './firmware.js';
import { capabilitiesOf, capabilityRequests, type Capabilities } from './capabilities.js';
import { checks, doctorRequests, noKvm, severities, type Finding } from './checks/all.js';
import type { KnobResult } from '../tuning/judge.js';
import type { KnobDefinition } from '../tuning/knob.js';
import { hardwareLatencyFinding, measureHardwareLatency } from './hardware-latency.js';
import { noIsolated } from '../tuning/knobs/common.js';
import type { ResolvedTuning } from '../tuning/profile.js';
import { judge, requestsOf, viewOf } from '../tuning/session.js';

/** How ready a machine is for real-time work. */
export interface Readiness {
  readonly host: string;
  readonly kernel: string;
  readonly profile: string;
  /** Vendor, product, version and date of the firmware, as far as DMI tells. */
  readonly firmware: string;
  readonly capabilities: Capabilities;
  /** Worst first. */
  readonly findings: readonly Finding[];
  /** KVM4NFV's list of firmware settings: checked where the system shows them, to be looked at by hand where not. */
  readonly checklist: readonly FirmwareSetting[];
  readonly knobs: readonly KnobResult[];
}

/** What differs, as long as it can be said in a few words; else all of it, counted. */
const differing = ({ items, effective, requested }: KnobResult): string => {
  const booted = items.filter((item) => item.state === 'needs-reboot' && item.effective === 'not given');
  if (booted.length > 0) return `booted without ${booted.map((item) => item.requested).join(' ')}`;
  const wrong = items.filter((item) => item.state === 'differs' || item.state === 'needs-reboot');
  if (items.length === 1 || wrong.length > 3) return `is ${effective}, should be ${requested}`;
  return wrong
    .map((item) => `${item.label} is ${item.effective ?? 'not there'}, should be ${item.requested}`)
    .join('; ');
};

const ofKnob = (knob: KnobDefinition, result: KnobResult): Finding | undefined => {
  const { state, reason } = result;
  if (state === 'ok') return undefined;
  const lacks = state === 'absent' || state === 'unsupported';
  const what = `${lacks ? (reason ?? state) : differing(result)} (${knob.summary.replace(/\.$/, '')})`;
  return {
    check: knob.name,
    severity: lacks ? 'info' : (knob.weight ?? 'minor'),
    what,
    costs: knob.costs,
    mend: knob.mend,
    knob: knob.name,
  };
};

/** One line for all knobs that say nothing of their own. */
const together = (
  results: readonly KnobResult[],
  which: (result: KnobResult) => boolean,
  told: Pick<Finding, 'check' | 'what' | 'costs' | 'mend'>,
): Finding[] => {
  const names = results.filter(which).map(({ knob }) => knob);
  return names.length === 0 ? [] : [{ ...told, severity: 'info', what: `${told.what}: ${names.join(', ')}` }];
};

const isNowhere = ({ items }: KnobResult): boolean => items.length === 0;
const wantsIsolated = ({ items }: KnobResult): boolean =>
  items.length > 0 && items.every((item) => item.reason === noIsolated);

const summaries = (results: readonly KnobResult[]): Finding[] => [
  ...together(results, wantsIsolated, {
    check: 'isolated-cpus',
    what: 'no CPUs are named for real-time work (--isolated), so these knobs were not compared',
    costs: 'None; what they would do is not known.',
    mend: 'Name them: kvm4nfv doctor --isolated 2-5.',
  }),
  ...together(results, isNowhere, {
    check: 'not-here',
    what: 'this machine has nothing for these knobs to set',
    costs: 'None.',
    mend: 'Nothing to do; in a guest they belong to its host.',
  }),
];

const rank = ({ severity }: Finding): number => severities.indexOf(severity);

export interface ExamineOptions {
  readonly signal?: AbortSignal;
  /** Seconds for which to look for SMIs and other gaps that the hardware makes. Default: not at all, since that may take a tracer. */
  readonly smi?: number;
  /** Tells whether KVM really runs guests where /dev/kvm is there, such as `probeKvm`. Default: the device is believed. */
  readonly kvm?: (host: Host) => Promise<{ readonly works: boolean; readonly reason: string }>;
}

/** What can't be looked at is told among the rest, and keeps nothing else from being told. */
const lookAtHardware = async (host: Host, seconds: number, signal: AbortSignal | undefined): Promise<Finding> => {
  try {
    return hardwareLatencyFinding(await measureHardwareLatency(host, seconds, signal === undefined ? {} : { signal }));
  } catch (error) {
    if (!Kvm4nfvError.is(error) || !['environment', 'tool'].includes(error.fault)) throw error;
    return {
      check: 'hardware-latency',
      severity: 'info',
      what: `SMIs could not be looked for: ${error.message}`,
      costs: 'None; whether the hardware takes time for itself is not known.',
      mend: error.hint ?? 'See the message.',
    };
  }
};

/** Looks at everything a profile sets, and beyond. Writes nothing, but for what `smi` needs. */
export const examine = async (
  host: Host,
  tuning: ResolvedTuning,
  { signal, smi, kvm }: ExamineOptions = {},
): Promise<Readiness> => {
  const hardware = smi === undefined ? [] : [await lookAtHardware(host, smi, signal)];
  const { snapshot } = await runBatch(
    host,
    { requests: [...requestsOf(tuning), ...doctorRequests, ...capabilityRequests] },
    signal,
  );
  const view = viewOf(tuning, snapshot);
  const knobs = judge(view, new Map());
  const byName = new Map(tuning.knobs.map(({ knob }) => [knob.name, knob]));
  const seen = checks.flatMap((check) => check(snapshot, view.machine) ?? []);
  const told = new Set(seen.flatMap(({ instead = [] }) => instead));
  const capabilities = capabilitiesOf(snapshot, view.machine);
  const probed = capabilities.kvm ? await kvm?.(host) : undefined;
  const findings = [
    ...hardware,
    ...(probed === undefined || probed.works ? [] : [noKvm(snapshot, probed.reason)]),
    ...seen,
    ...summaries(knobs),
    ...knobs.flatMap((result) => {
      const knob = byName.get(result.knob);
      if (told.has(result.knob) || isNowhere(result) || wantsIsolated(result)) return [];
      return (knob === undefined ? undefined : ofKnob(knob, result)) ?? [];
    }),
  ];
  return {
    host: host.name,
    kernel: view.machine.kernel.release,
    profile: tuning.profile,
    firmware: firmwareOf(snapshot),
    capabilities: { ...capabilities, kvm: capabilities.kvm && probed?.works !== false },
    findings: findings.sort((a, b) => rank(a) - rank(b)),
    checklist: firmwareChecklist(snapshot),
    knobs,
  };
};
