import { type Expectation, Kvm4nfvError, type Metric } from '../../lib/plugin.js';
import { metricsOf } from './metrics.js';
import type { HwnoiseOptions } from './options.js';

/** `cpus`: a CPU list. */
export const hwnoiseArgv = (options: HwnoiseOptions, cpus: string): readonly string[] => [
  ...['rtla', 'hwnoise', '-q', '-c', cpus, '-d', String(options.duration / 1e9)],
  ...(options.threshold === undefined ? [] : ['-T', String(options.threshold / 1e3)]),
];

/** rtla lets it spin for 750 ms of every second. */
const share = 0.75;
const period = 1e9;

/** A period counts once it is over, and that of the last second may not be. */
export const hwnoiseExpected = (options: HwnoiseOptions, cpus: readonly number[]): readonly Expectation[] =>
  cpus.map((cpu) => ({
    metric: 'watched',
    labels: { cpu: String(cpu) },
    samples: options.duration * share,
    spare: period * share,
  }));

const row =
  /^ *(\d{1,4}) #(\d{1,9}) +(\d{1,15}) +(\d{1,15}) +(\d{1,3}\.\d{5}) *(\d{1,15}) +(\d{1,15}) *(\d{1,15}) +(\d{1,15}) *$/gm;

const nonsense = (cpu: number, what: string): Kvm4nfvError =>
  new Kvm4nfvError('E_TOOL_OUTPUT', `rtla hwnoise: CPU ${String(cpu)}: ${what}`, {
    hint: 'the numbers do not add up, so none is used: look into the raw output',
  });

/** rtla asks for a second of each period at most, and no gap that counts is shorter than 1 us. */
const requireRoom = (
  cpu: number,
  {
    periods,
    runtime,
    noise,
    single,
    hardware,
  }: Readonly<Record<'periods' | 'runtime' | 'noise' | 'single' | 'hardware', number>>,
): void => {
  if (runtime > periods * 1e6) throw nonsense(cpu, `${String(periods)} periods are not ${String(runtime)} us long`);
  if (hardware > noise || (hardware > 0 && single === 0))
    throw nonsense(cpu, `${String(hardware)} gaps of ${String(noise)} us, the longest of ${String(single)} us`);
};

/** Reads the table of `rtla hwnoise -q`: us, a row for each CPU that ended a period. NMIs are gaps too: they stop the CPU as well. */
export const parseHwnoise = (stdout: string): readonly Metric[] => {
  const seen = new Set<number>();
  return [...stdout.matchAll(row)].flatMap(([, ...cells]) => {
    const [
      cpu = 0,
      periods = 0,
      runtime = 0,
      noise = 0,
      available = 0,
      maxNoise = 0,
      single = 0,
      hardware = 0,
      nmi = 0,
    ] = cells.map(Number);
    if (seen.has(cpu)) throw nonsense(cpu, 'it is there twice');
    seen.add(cpu);
    if (!(single <= maxNoise && maxNoise <= noise && noise <= runtime))
      throw nonsense(
        cpu,
        `${String(single)} us of ${String(maxNoise)} us of ${String(noise)} us of ${String(runtime)} us`,
      );
    if (maxNoise * periods < noise)
      throw nonsense(cpu, `${String(periods)} periods have not ${String(noise)} us of noise`);
    if (Math.abs(available - (100 * (runtime - noise)) / runtime) > 1e-4)
      throw nonsense(cpu, `${String(available)} % of its time is not what is left of it`);
    requireRoom(cpu, { periods, runtime, noise, single, hardware });
    if (single > 0 && hardware + nmi === 0) throw nonsense(cpu, `noise of ${String(single)} us, and none counted`);
    return metricsOf(cpu, { gaps: hardware + nmi, longest: single * 1000, watched: runtime * 1000 });
  });
};
