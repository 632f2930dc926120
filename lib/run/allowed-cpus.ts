import { formatCpuList, parseCpuList } from '../host/cpu-list.js';

/**
 * Defines `allowed LIST`: which of these CPUs the kernel lets a process have (what is left of the list in its cpuset), which this
 * process has, and which the first of the machine has. Nothing where there is no taskset.
 */
export const allowedScript = String.raw`
list_of() { sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' "$1"; }
allowed() {
  command -v taskset >/dev/null || return 0
  printf '%s;%s;%s' "$(taskset -c "$1" sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status 2>/dev/null)" "$(list_of /proc/self/status)" "$(list_of /proc/1/status)"
}
`;

/**
 * Why some of `cpus` can't be measured from here; undefined where all can. A tool may widen the affinity that it was started with, up to its
 * cpuset. Where that affinity lacks a CPU, it counts as forbidden if the machine's first process may run there: somebody took it away
 * (taskset, CPUAffinity of a unit); where that may not either, the CPU is isolated (isolcpus), which is what it is measured for.
 */
export const notAllowed = (answer: string, cpus: readonly number[]): string | undefined => {
  if (answer === '') return undefined;
  const [granted = '', own = '', first = ''] = answer.split(';');
  const without = (list: string): readonly number[] => {
    const listed = new Set(parseCpuList(list));
    return cpus.filter((cpu) => !listed.has(cpu));
  };
  const beyond = without(granted);
  if (beyond.length > 0)
    return `does not allow us CPU ${formatCpuList(beyond)}: not in our cpuset (cpuset.cpus.effective), which a container, a slice or a cpuset partition sets`;
  const isolated = new Set(without(first));
  const taken = without(own).filter((cpu) => !isolated.has(cpu));
  if (taken.length > 0)
    return `does not allow us CPU ${formatCpuList(taken)}: we were started with an affinity of ${own}, which taskset or the CPUAffinity of a unit sets`;
  return undefined;
};
