import type { Host } from '../host/host.js';
import { runBatch } from './batch.js';
import { firmwareChecklist, type FirmwareSetting } from './bios-checklist.js';
import { checks, doctorRequests, firmwareOf, severities, type Finding } from './doctor-checks.js';
import type { KnobResult } from './judge.js';
import type { KnobDefinition } from './knob.js';
import type { ResolvedTuning } from './profile.js';
import { judge, requestsOf, viewOf } from './session.js';

/** How ready a machine is for real-time work. */
export interface Readiness {
  readonly host: string;
  readonly kernel: string;
  readonly profile: string;
  /** Vendor, product, version and date of the firmware, as far as DMI tells. */
  readonly firmware: string;
  /** Worst first. */
  readonly findings: readonly Finding[];
  /** KVM4NFV's list of firmware settings: checked where the system shows them, to be looked at by hand where not. */
  readonly checklist: readonly FirmwareSetting[];
  readonly knobs: readonly KnobResult[];
}

const ofKnob = (knob: KnobDefinition, { state, requested, effective, reason }: KnobResult): Finding | undefined => {
  if (state === 'ok') return undefined;
  const lacks = state === 'absent' || state === 'unsupported';
  const what = `${lacks ? (reason ?? state) : `is ${effective}, should be ${requested}`} (${knob.summary.replace(/\.$/, '')})`;
  return {
    check: knob.name,
    severity: lacks ? 'info' : (knob.weight ?? 'minor'),
    what,
    costs: knob.costs,
    mend: knob.mend,
    knob: knob.name,
  };
};

const rank = ({ severity }: Finding): number => severities.indexOf(severity);

/** Looks at everything a profile sets, and beyond, in one round trip. Writes nothing. */
export const examine = async (host: Host, tuning: ResolvedTuning, signal?: AbortSignal): Promise<Readiness> => {
  const { snapshot } = await runBatch(host, { requests: [...requestsOf(tuning), ...doctorRequests] }, signal);
  const view = viewOf(tuning, snapshot);
  const knobs = judge(view, new Map());
  const byName = new Map(tuning.knobs.map(({ knob }) => [knob.name, knob]));
  const findings = [
    ...checks.flatMap((check) => check(snapshot, view.machine) ?? []),
    ...knobs.flatMap((result) => {
      const knob = byName.get(result.knob);
      return (knob === undefined ? undefined : ofKnob(knob, result)) ?? [];
    }),
  ];
  return {
    host: host.name,
    kernel: view.machine.kernel.release,
    profile: tuning.profile,
    firmware: firmwareOf(snapshot),
    findings: findings.sort((a, b) => rank(a) - rank(b)),
    checklist: firmwareChecklist(snapshot),
    knobs,
  };
};
