import {
  type Expectation,
  formatCpuMask,
  hwlatScript,
  lostWindows,
  type Measurement,
  type Metric,
  parseHwlat,
  parseWatched,
} from '../../lib/plugin.js';
import { metricsOf } from './metrics.js';
import type { HwlatOptions } from './options.js';

/** `cpus`: those to spin on. */
export const hwlatArgv = (options: HwlatOptions, cpus: readonly number[]): readonly string[] => [
  ...['sh', '-c', hwlatScript, 'kvm4nfv-hwlat'],
  ...[String(options.duration / 1e9), String(options.threshold / 1e3), formatCpuMask(cpus)],
  ...[String(options.width / 1e3), String(options.window / 1e3)],
];

/** How long a CPU must have spun in the time measured: a thread of the tracer spins `width` of every `window`. */
export const hwlatExpected = (options: HwlatOptions, cpus: readonly number[]): readonly Expectation[] => {
  const windows = Math.floor(options.duration / options.window);
  return cpus.map((cpu) => ({
    metric: 'watched',
    labels: { cpu: String(cpu) },
    samples: windows * options.width,
    // One window may be under way at the end.
    spare: options.width,
  }));
};

/** Reads what the script printed, by CPU. A CPU without gaps has a longest of 0. */
export const parseHwlatRun = (stdout: string, cpus: readonly number[]): Pick<Measurement, 'metrics' | 'doubts'> => {
  const watched = parseWatched(stdout);
  const windows = parseHwlat(stdout);
  const elsewhere = windows.filter(({ cpu }) => cpu === undefined || !cpus.includes(cpu));
  const lost = lostWindows(stdout);
  const metrics = cpus.flatMap((cpu): readonly Metric[] => {
    const spun = watched.get(cpu);
    if (spun === undefined) return [];
    const own = windows.filter((window) => window.cpu === cpu);
    return metricsOf(cpu, {
      watched: spun,
      gaps: own.reduce((sum, { gaps }) => sum + gaps, 0),
      longest: own.reduce((most, { longest }) => Math.max(most, longest * 1000), 0),
    });
  });
  const doubts = [
    ...(lost > 0 ? [`${String(lost)} windows with gaps were written over in the trace buffer`] : []),
    ...(elsewhere.length > 0
      ? [`${String(elsewhere.length)} windows with gaps are of CPUs that were not asked for`]
      : []),
  ];
  return { metrics, doubts };
};
