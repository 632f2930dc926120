import { Kvm4nfvError } from '../../error.js';
import { probeKvm } from '../../libvirt/kvm-probe.js';
import { parseDuration } from '../../measure/fields.js';
import { examine, type ExamineOptions } from '../../doctor/examine.js';
import type { Use } from '../../doctor/finding.js';
import { renderReadinessMarkdown } from '../../doctor/render-markdown.js';
import { renderReadinessText } from '../../doctor/render-text.js';
import { openNamed } from '../host.js';
import { Interrupt } from '../interrupt.js';
import { print, printJson } from '../output.js';
import { tuningOf, type TuningFlags } from '../tuning.js';

const smiOf = (text: string | undefined): ExamineOptions => {
  if (text === undefined) return {};
  const seconds = (parseDuration(text) ?? 0) / 1e9;
  if (seconds >= 1 && seconds <= 3600) return { smi: Math.round(seconds) };
  throw new Kvm4nfvError('E_ARGUMENT', `--smi ${text}: expected a duration from 1s to 1h, such as 30s`);
};

/** `kvm4nfv doctor`: what a host can and can not do, worst first. Exit code 0: it was examined. */
export const doctor = async (
  name: string | undefined,
  options: TuningFlags & {
    readonly suite?: string;
    readonly smi?: string;
    readonly for?: Use;
    readonly json: boolean;
    readonly markdown: boolean;
  },
): Promise<number> => {
  using interrupt = new Interrupt(() => 'kvm4nfv doctor');
  const { signal } = interrupt;
  await using host = await openNamed(name, { ...options, signal });
  const { for: use } = options;
  const profile = use === 'dpdk' ? 'observe-dpdk' : 'observe';
  const readiness = await examine(host, await tuningOf({ profile, ...options }), {
    signal,
    ...smiOf(options.smi),
    ...(use === undefined ? {} : { use }),
    kvm: (machine) => probeKvm(machine, { signal }),
  });
  if (options.json) printJson(readiness);
  else print(options.markdown ? renderReadinessMarkdown(readiness) : renderReadinessText(readiness));
  return 0;
};
