import { formatCpuList, type Host, type Job, Kvm4nfvError } from '../../lib/plugin.js';

/** A thread of a tool: where it may run, and where it ran last. */
export interface PlacedThread {
  readonly id: number;
  readonly allowed: string;
  readonly cpu: number;
}

/** `$1` pid. Two processes however many threads there are, and none is woken: /proc is all that is read. */
const script = 'cat /proc/"$1"/task/*/stat; grep -H ^Cpus_allowed_list: /proc/"$1"/task/*/status; :';

/** What {@link script} printed, without the tool's first thread, which measures nothing. */
export const parsePlacement = (text: string, pid: number): readonly PlacedThread[] => {
  const ranOn = new Map(
    // After the name, which may hold spaces, comes field 3; the CPU is field 39.
    [...text.matchAll(/^(\d+) \(.*\) (\S(?: \S+){36})/gm)].map(([, id, fields = '']) => [
      Number(id),
      Number(fields.split(' ').at(-1)),
    ]),
  );
  return [...text.matchAll(/\/task\/(\d+)\/status:Cpus_allowed_list:\s*([\d,-]+)$/gm)].flatMap(
    ([, task, allowed = '']) => {
      const [id, cpu] = [Number(task), ranOn.get(Number(task))];
      return id === pid || cpu === undefined ? [] : [{ id, cpu, allowed }];
    },
  );
};

/** Threads that are not bound to one of `cpus`, or that ran elsewhere. */
export const misplaced = (threads: readonly PlacedThread[], cpus: readonly number[]): readonly PlacedThread[] =>
  threads.filter(({ allowed, cpu }) => !cpus.includes(cpu) || !cpus.some((one) => allowed === String(one)));

/**
 * Looks once where the threads of a tool really run. Fault `environment` where one is not where it was asked to be. A tool that has ended
 * meanwhile has none; a thread that has just begun may not be bound yet, so a second look decides.
 */
export const requirePlacement = async (
  host: Host,
  job: Job,
  {
    cpus,
    again,
    signal,
  }: { readonly cpus: readonly number[]; readonly again: () => Promise<void>; readonly signal: AbortSignal },
): Promise<number> => {
  const look = async (): Promise<readonly PlacedThread[]> => {
    const { stdout } = await host.exec(['sh', '-c', script, 'sh', String(job.pid)], {
      root: true,
      check: false,
      timeout: 30_000,
      signal,
    });
    return parsePlacement(stdout, job.pid);
  };
  let threads = await look();
  if (misplaced(threads, cpus).length > 0) {
    await again();
    threads = await look();
  }
  const [first] = misplaced(threads, cpus);
  if (first === undefined) return threads.length;
  throw new Kvm4nfvError(
    'E_NO_CPU',
    `${host.name}: thread ${String(first.id)} of the tool ran on CPU ${String(first.cpu)} and may run on ${first.allowed}, not on one of ${formatCpuList(cpus)} as asked for`,
    { hint: 'something on the machine moves it: a cgroup, taskset, a daemon that balances threads' },
  );
};
