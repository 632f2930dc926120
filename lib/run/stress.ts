import { setTimeout as sleep } from 'node:timers/promises';
import { Kvm4nfvError } from '../error.js';
import { formatCpuList, resolveCpus } from '../host/cpu-list.js';
import type { HostFacts } from '../host/facts.js';
import type { Host, Job } from '../host/host.js';
import { maxWords } from '../host/limits.js';
import { trustFunctions } from '../host/trust-script.js';
import type { LoadSpec } from './load.js';
import type { Need } from './scenario.js';

/** stress-ng as it runs during a trial. Disposing stops it. */
export interface RunningLoad extends AsyncDisposable {
  readonly argv: readonly string[];
  /** Fault `tool` where the load has died, has lost workers, or used no CPU time though it should. */
  check(): Promise<void>;
  /** When it resolves no process and no file of it is left. */
  stop(): Promise<void>;
}

export interface LoadOptions {
  readonly run: string;
  /** Name of the job, unique within the run. */
  readonly name: string;
  readonly signal?: AbortSignal;
}

/** Stressors whose workers do nothing but compute. */
const cpuBound: readonly string[] = ['cpu', 'vm', 'cache', 'matrix'];
/** Less than this share of the CPU time that they could have had is no load: what starves or stops them has more. */
const leastShare = 0.01;
const startDeadline = 15_000;
const pollInterval = 50;
const execDeadline = 30_000;

/** What a machine needs for a load. */
export const loadNeed: Need = { kind: 'tool', name: 'stress-ng', package: 'stress-ng' };

/** Runs a command in a directory of its own on a disk: a job's directory is in memory, where `hdd` would fill it and load no disk. */
const onDisk = `${trustFunctions}${String.raw`
trust /var/tmp '' through || exit
directory=$(mktemp -d /var/tmp/kvm4nfv-load-XXXXXX) || exit 73
trap 'cd / && rm -rf -- "$directory"' EXIT
trap 'exit 143' TERM HUP INT
cd -- "$directory" || exit 73
"$@"
`}`;

/** Prints CPU time, in ns, and name of each process of session `$1`. Workers overwrite their environment, so a marker there would not find them. */
const processesScript = String.raw`
for process in /proc/[0-9]*; do
  { read -r stat <"$process/stat"; } 2>/dev/null || continue
  after=${'$'}{stat##*) }
  set -- "$1" $after
  [ "$5" = "$1" ] && [ "$2" != Z ] || continue
  name=${'$'}{stat#*(}
  cpu=0
  { read -r cpu rest <"$process/schedstat"; } 2>/dev/null
  printf '%s %s\n' "$cpu" "${'$'}{name%)*}"
done
`;

/** The command of a load. `cpus` undefined, as in a preview: what the selection names is not known yet. */
export const loadArgv = (spec: LoadSpec, cpus: readonly number[] | undefined): readonly string[] => {
  const set = cpus === undefined ? spec.cpus : formatCpuList(cpus);
  const workers = spec.workers ?? cpus?.length;
  // All stress-ng versions divide --vm-bytes among the workers.
  const memory = spec.memory === undefined ? undefined : spec.memory * (workers ?? 1);
  return [
    'stress-ng',
    ...(set === undefined ? [] : ['--taskset', set]),
    ...[`--${spec.stressor}`, workers === undefined ? '<one per CPU>' : String(workers)],
    ...(spec.stressor === 'cpu' && spec.percent !== undefined ? ['--cpu-load', String(spec.percent)] : []),
    ...(spec.stressor === 'vm' && memory !== undefined
      ? ['--vm-bytes', workers === undefined ? `<${String(memory)} per CPU>` : String(memory)]
      : []),
    ...['--temp-path', '.', '--timeout', '0', '--quiet'],
  ];
};

interface Workers {
  readonly count: number;
  /** Of all of them, ns. */
  readonly cpuTime: number;
}

class StressLoad implements RunningLoad {
  readonly argv: readonly string[];
  readonly #host: Host;
  readonly #job: Job;
  readonly #spec: LoadSpec;
  readonly #wanted: number;
  readonly #cpus: number;
  #since = 0;
  #cpuTimeBefore = 0;
  #stopped: Promise<void> | undefined;

  constructor(job: Job, argv: readonly string[], spec: LoadSpec, cpus: number) {
    this.argv = argv;
    this.#host = job.host;
    this.#job = job;
    this.#spec = spec;
    this.#cpus = cpus;
    this.#wanted = spec.workers ?? cpus;
  }

  /** Waits until all workers run. */
  async started(signal: AbortSignal | undefined): Promise<void> {
    const until = Date.now() + startDeadline;
    for (;;) {
      const { count, cpuTime } = await this.#workers();
      this.#since = performance.now();
      this.#cpuTimeBefore = cpuTime;
      if (count >= this.#wanted) return;
      if (!(await this.#job.running())) throw await this.#died('ended at once');
      if (Date.now() > until)
        throw await this.#died(
          `has not started its ${String(this.#wanted)} workers within ${String(startDeadline / 1000)} s`,
        );
      await sleep(pollInterval, undefined, signal === undefined ? {} : { signal });
    }
  }

  async check(): Promise<void> {
    if (!(await this.#job.running())) throw await this.#died('died');
    const { count, cpuTime } = await this.#workers();
    if (count < this.#wanted)
      throw await this.#died(`has only ${String(count)} of its ${String(this.#wanted)} workers left`);
    if (!cpuBound.includes(this.#spec.stressor)) return;
    const used = cpuTime - this.#cpuTimeBefore;
    const possible =
      (performance.now() - this.#since) *
      1e6 *
      Math.min(this.#wanted, this.#cpus) *
      ((this.#spec.percent ?? 100) / 100);
    if (used <= possible * leastShare)
      throw await this.#died(
        `used ${(used / 1e6).toFixed(1)} ms of CPU time in ${((performance.now() - this.#since) / 1000).toFixed(1)} s`,
      );
  }

  stop(): Promise<void> {
    return (this.#stopped ??= this.#job[Symbol.asyncDispose]());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #workers(): Promise<Workers> {
    const { stdout } = await this.#host.exec(['sh', '-c', processesScript, 'sh', String(this.#job.pid)], {
      timeout: execDeadline,
    });
    // The kernel cuts names to 15 characters: `stress-ng-matri`.
    const workers = stdout.split('\n').filter((line) => line.includes(' stress-ng-'));
    return { count: workers.length, cpuTime: workers.reduce((sum, line) => sum + Number.parseInt(line, 10), 0) };
  }

  async #died(what: string): Promise<Kvm4nfvError> {
    const { directory } = this.#job;
    const words = { limit: maxWords, cut: true, within: directory };
    const said = (await this.#host.read(`${directory}/stderr`, words).catch(() => ''))
      .trim()
      .split('\n')
      .slice(-3)
      .join('\n');
    return new Kvm4nfvError(
      'E_LOAD',
      `${this.#host.name}: load ${this.#job.name} (${this.argv.join(' ')}) ${what}${said === '' ? '' : `: ${said}`}`,
      {
        hint: 'stress-ng (package stress-ng) must be there, with memory and disk space for what it is to do',
      },
    );
  }
}

/** Starts a load and waits until all its workers run; undefined for stressor `none`. */
export const startLoad = async (
  host: Host,
  facts: HostFacts,
  spec: LoadSpec,
  options: LoadOptions,
): Promise<RunningLoad | undefined> => {
  if (spec.stressor === 'none') return undefined;
  const cpus = resolveCpus(spec.cpus ?? 'all', facts.topology);
  const argv = loadArgv(spec, cpus);
  const job = await host.start({
    run: options.run,
    name: options.name,
    argv: spec.stressor === 'hdd' ? ['sh', '-c', onDisk, 'sh', ...argv] : argv,
  });
  const load = new StressLoad(job, argv, spec, cpus.length);
  try {
    await load.started(options.signal);
    return load;
  } catch (error) {
    await load.stop();
    throw error;
  }
};
