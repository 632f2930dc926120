import type { OslatOptions } from './options.js';

export const resultFile = 'oslat.json';

/** `cpus`: a CPU list. */
export const oslatArgv = (options: OslatOptions, cpus: string): readonly string[] => [
  ...['oslat', '-c', cpus, '-D', String(options.duration / 1e9), '-b', String(options.buckets)],
  ...(options.priority === undefined ? [] : ['-f', String(options.priority)]),
  ...(options.main_cpu === undefined ? [] : ['-C', String(options.main_cpu)]),
  ...(options.workload === 'no' ? [] : ['-w', options.workload]),
  ...(options.workload_memory === undefined ? [] : ['-m', `${String(options.workload_memory / 1024)}K`]),
  ...(options.trace_threshold === undefined ? [] : ['-T', String(options.trace_threshold / 1000)]),
  ...(options.bias ? ['-B'] : []),
  ...(options.single_preheat ? ['-s'] : []),
  `--json=${resultFile}`,
];
