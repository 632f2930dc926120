import { type CyclictestOptions, histogramOf, loopsOf, unitOf } from './options.js';

/** Name of the result in the job's directory. */
export const resultFile = 'cyclictest.json';

/** What of the command depends on the machine. */
export interface Placement {
  /** A CPU list, such as `2-5,8`. */
  readonly cpus: string;
  readonly threads: number | undefined;
  readonly mainAffinity?: string;
}

const flag = (wanted: boolean, ...argv: readonly string[]): readonly string[] => (wanted ? argv : []);

/** KVM4NFV's `cyclictest -a 1 -b 1000 -i 1000 -p 99 -l <loops> -t 1 -h 90 -m -q`, as far as rt-tests 2.4 has it, with the options put in. */
export const cyclictestArgv = (
  options: CyclictestOptions,
  { cpus, threads, mainAffinity }: Placement,
): readonly string[] => {
  const unit = unitOf(options);
  const us = (ns: number): string => String(ns / 1000);
  const policy = options.policy ?? 'fifo';
  const priority = options.priority ?? (policy === 'fifo' || policy === 'rr' ? 99 : 0);
  const loops = loopsOf(options);
  return [
    ...['cyclictest', '-a', cpus],
    ...(options.break === 'none' ? [] : ['-b', String(options.break / unit)]),
    ...['-i', us(options.interval), '-p', String(priority)],
    ...(loops === undefined ? ['-D', String((options.duration ?? 0) / 1e9)] : ['-l', String(loops)]),
    // Without a number `-t` is one thread for each CPU of the machine: only a preview does not know how many are selected.
    ...['-t', threads === undefined ? '<one per CPU>' : String(threads)],
    ...['-h', String(histogramOf(options) / unit)],
    ...flag(options.mlockall, '-m'),
    '-q',
    ...flag(options.stream !== undefined, '-v'),
    ...flag(options.policy !== undefined, `--policy=${policy}`),
    ...flag(options.nanoseconds, '-N'),
    ...flag(options.clock === 'realtime', '-c', '1'),
    ...(options.aligned === undefined ? [] : [`--aligned=${us(options.aligned)}`]),
    ...(options.secaligned === undefined ? [] : [`--secaligned=${us(options.secaligned)}`]),
    ...(mainAffinity === undefined ? [] : [`--mainaffinity=${mainAffinity}`]),
    ...flag(options.latency === 'system', '--default-system'),
    ...(typeof options.latency === 'number' ? [`--latency=${us(options.latency)}`] : []),
    ...flag(options.tracemark, '--tracemark'),
    ...flag(options.smi, '--smi'),
    `--json=${resultFile}`,
  ];
};
