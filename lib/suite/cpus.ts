import { formatCpuList, resolveCpus, type CpuSelection } from '../host/cpu-list.js';
import type { PlannedContext } from '../run/plan.js';
import type { Finding } from './findings.js';
import type { Path } from './tree.js';

/** The numbers of the CPUs that a context's machine will have, where that is known before it is there. */
export const knownCpus = ({ definition, options }: PlannedContext): readonly number[] | undefined => {
  const count = definition.cpus?.(options);
  return count === undefined ? undefined : Array.from({ length: count }, (_, cpu) => cpu);
};

/** The CPUs that a selection names on a machine with these; undefined where it names others, or NUMA nodes, which nobody knows yet. */
export const chosenOf = (selection: CpuSelection, online: readonly number[]): readonly number[] | undefined => {
  try {
    return resolveCpus(selection, { online, nodes: [] });
  } catch {
    return undefined;
  }
};

/** Where a selection names CPUs that a context's machine will not have. */
export const lackingCpus = (
  path: Path,
  selection: CpuSelection | undefined,
  context: string,
  online: readonly number[],
): readonly Finding[] =>
  selection === undefined || selection.includes('node:') || chosenOf(selection, online) !== undefined
    ? []
    : [
        {
          path,
          code: 'E_CPUS',
          message: `${String(path.at(-1))}: ${selection} names CPUs that context '${context}' lacks`,
          expected: `${online.length === 1 ? '' : 'some of '}${formatCpuList(online)}`,
        },
      ];
