import { examine } from '../../tuning/doctor.js';
import { renderReadinessMarkdown, renderReadinessText } from '../../tuning/doctor-render.js';
import { openNamed } from '../host.js';
import { print, printJson } from '../output.js';
import { tuningOf, type TuningFlags } from '../tuning.js';

/** `kvm4nfv doctor`: what a host can and can not do, worst first. Exit code 0: it was examined. */
export const doctor = async (
  name: string | undefined,
  options: TuningFlags & { readonly suite?: string; readonly json: boolean; readonly markdown: boolean },
): Promise<number> => {
  await using host = await openNamed(name, options);
  const readiness = await examine(host, await tuningOf({ profile: 'observe', ...options }));
  if (options.json) printJson(readiness);
  else print(options.markdown ? renderReadinessMarkdown(readiness) : renderReadinessText(readiness));
  return 0;
};
