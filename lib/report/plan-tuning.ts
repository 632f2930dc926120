import type { TuningSpec } from '../tuning/tuning-schema.js';
import { formatWritten } from './format.js';

/** Values by name as a line shows them: `isolated_cpus 2-5, node 0`. */
const pairs = (values: Readonly<Record<string, unknown>>): string =>
  Object.entries(values)
    .map(([name, value]) => `${name} ${formatWritten(value)}`)
    .join(', ');

/** What is done for the tuning of a context: before anything is measured, and afterwards. */
export const tuningSteps = async (
  spec: TuningSpec,
): Promise<{ readonly before: readonly string[]; readonly afterwards: readonly string[] }> => {
  // Knobs are loaded for suites that tune only.
  const { resolveNamed } = await import('../tuning/resolve.js');
  const { observe, parameters, knobs } = await resolveNamed(spec);
  const given = pairs({ ...parameters });
  const what = `${String(knobs.length)} knob${knobs.length === 1 ? '' : 's'} of profile ${spec.profile}${given === '' ? '' : ` (${given})`}`;
  const overridden = Object.keys(spec.knobs).length === 0 ? [] : [`with knobs of the suite: ${pairs(spec.knobs)}`];
  if (observe)
    return { before: [`read ${what}, before measuring and after each trial; set none`, ...overridden], afterwards: [] };
  const booted = knobs.filter(({ knob }) => knob.needsReboot === true).map(({ knob }) => knob.name);
  const boot = spec.reboot
    ? `where the running kernel lacks parameters of ${booted.join(', ')}: write its command line and reboot`
    : `no reboot: where the running kernel lacks parameters of ${booted.join(', ')}, nothing is measured`;
  return {
    before: [
      `take the machine for this run alone; journal and set ${what}`,
      ...overridden,
      ...(booted.length === 0 ? [] : [boot]),
      'read the knobs back, before measuring and after each trial',
    ],
    afterwards: [
      'afterwards: put back what was set',
      ...(booted.length === 0 || !spec.reboot
        ? []
        : [
            spec.restore_boot
              ? 'afterwards: put the kernel command line back and reboot again, where it was written'
              : 'afterwards: leave the kernel command line as it was written',
          ]),
    ],
  };
};
