import {
  type CpuSelection,
  defineScenario,
  type MetricDeclaration,
  type Need,
  type Preview,
  type ScenarioDefinition,
} from '../../lib/plugin.js';
import { cyclictestArgv } from './cyclictest/argv.js';
import { lengthOf as cyclictestLength } from './cyclictest/options.js';
import { namedCpus } from './fields.js';
import { timerOptions, type TimerOptions } from './options.js';
import { oslatArgv } from './oslat/argv.js';
import { lengthOf as oslatLength } from './oslat/options.js';
import { osnoiseArgv } from './osnoise/argv.js';
import { lengthOf as osnoiseLength } from './osnoise/options.js';
import { timerlatArgv } from './timerlat/argv.js';
import { lengthOf as timerlatLength } from './timerlat/options.js';

const metrics = (options: TimerOptions): readonly MetricDeclaration[] => {
  const named = namedCpus(options.cpus);
  const labels = {
    cpu: named === undefined ? ('any' as const) : [...named].map(String),
    ...(options.tool === 'timerlat' ? {} : { thread: 'any' as const }),
  };
  const histogram = (name: string, description: string): MetricDeclaration => ({
    name,
    kind: 'histogram',
    unit: 'ns',
    description,
    labels,
  });
  switch (options.tool) {
    case 'cyclictest':
      return [
        histogram('latency', 'From the time a timer was set to until its thread ran'),
        ...(options.smi
          ? [{ name: 'smi', kind: 'counter', unit: 'count', description: 'System management interrupts' } as const]
          : []),
      ];
    case 'oslat':
      return [histogram('latency', 'Of each loop of a busy thread: all above the first bin are interruptions')];
    case 'timerlat':
      return [
        histogram('thread', 'From the time a timer was set to until its thread ran'),
        histogram('irq', 'From the time a timer was set to until its interrupt was handled'),
        ...(options.user_threads
          ? [histogram('user', 'From the time a timer was set to until its thread was back in user space')]
          : []),
      ];
    case 'osnoise':
      return [histogram('noise', 'For how long at a time the CPU was taken from the thread')];
  }
};

const tracer: Need = {
  kind: 'file',
  path: '/sys/kernel/tracing/osnoise/timerlat_period_us',
  why: 'rtla timerlat needs a kernel with CONFIG_TIMERLAT_TRACER',
};

/** Long options that not every rtla has, where they are used. Those of cyclictest and oslat are in all that can write JSON. */
const timerlatFeatures = (options: Extract<TimerOptions, { tool: 'timerlat' }>): readonly string[] => [
  '--cpus',
  ...(options.auto === undefined ? [] : ['--auto']),
  ...(options.auto_analysis ? ['--no-aa'] : []),
  ...(options.user_threads ? ['--user-threads'] : []),
  ...(options.house_keeping === undefined ? [] : ['--house-keeping']),
  ...(options.warm_up === undefined ? [] : ['--warm-up']),
  ...(options.dma_latency === undefined ? [] : ['--dma-latency']),
];

const osnoiseTracer: Need = {
  kind: 'file',
  path: '/sys/kernel/tracing/osnoise/period_us',
  why: 'rtla osnoise needs a kernel with CONFIG_OSNOISE_TRACER',
};

const osnoiseFeatures = (options: Extract<TimerOptions, { tool: 'osnoise' }>): readonly string[] => [
  '--cpus',
  ...(options.house_keeping === undefined ? [] : ['--house-keeping']),
  ...(options.warm_up === undefined ? [] : ['--warm-up']),
];

const rtla = (command: string, options: readonly string[]): Need => ({
  kind: 'tool',
  name: 'rtla',
  package: 'rtla',
  command: [command, 'hist'],
  options,
});

/** CPUs that the tool's own threads, not the kernel's, are to run on. */
const ownCpus = (options: TimerOptions): Readonly<Record<string, CpuSelection | undefined>> => {
  switch (options.tool) {
    case 'cyclictest':
      return { cpus: options.cpus, main_affinity: options.main_affinity };
    case 'oslat':
      return { cpus: options.cpus, main_cpu: String(options.main_cpu ?? 0) };
    case 'timerlat':
      return options.user_threads ? { cpus: options.cpus } : {};
    case 'osnoise':
      return {};
  }
};

const needs = (options: TimerOptions): readonly Need[] => {
  const root: Need = { kind: 'root' };
  const placed = Object.entries(ownCpus(options)).flatMap(([option, selection]): Need[] =>
    selection === undefined ? [] : [{ kind: 'cpus', cpus: selection, option }],
  );
  switch (options.tool) {
    case 'cyclictest':
      return [{ kind: 'tool', name: 'cyclictest', package: 'rt-tests', options: ['--json'] }, root, ...placed];
    case 'oslat':
      return [{ kind: 'tool', name: 'oslat', package: 'rt-tests', options: ['--json'] }, root, ...placed];
    case 'timerlat':
      return [rtla('timerlat', timerlatFeatures(options)), root, tracer, ...placed];
    case 'osnoise':
      return [rtla('osnoise', osnoiseFeatures(options)), root, osnoiseTracer];
  }
};

const preview = (options: TimerOptions): Preview => {
  const { cpus } = options;
  switch (options.tool) {
    case 'cyclictest': {
      const placement = { cpus, threads: options.threads ?? namedCpus(cpus)?.size };
      const main = options.main_affinity;
      const argv = cyclictestArgv(options, main === undefined ? placement : { ...placement, mainAffinity: main });
      return { commands: [argv], duration: cyclictestLength(options) };
    }
    case 'oslat':
      return { commands: [oslatArgv(options, cpus)], duration: oslatLength(options) };
    case 'timerlat': {
      const houseKeeping = options.house_keeping;
      const placement = { cpus, has: () => true };
      const argv = timerlatArgv(options, houseKeeping === undefined ? placement : { ...placement, houseKeeping });
      return { commands: [argv], duration: timerlatLength(options) };
    }
    case 'osnoise': {
      const houseKeeping = options.house_keeping;
      const argv = osnoiseArgv(options, houseKeeping === undefined ? { cpus } : { cpus, houseKeeping });
      return { commands: [argv], duration: osnoiseLength(options) };
    }
  }
};

const cpus: NonNullable<ScenarioDefinition<TimerOptions>['cpus']> = (options) => {
  switch (options.tool) {
    case 'cyclictest':
      return { cpus: options.cpus, main_affinity: options.main_affinity };
    case 'oslat':
      return { cpus: options.cpus, main_cpu: options.main_cpu === undefined ? undefined : String(options.main_cpu) };
    case 'timerlat':
    case 'osnoise':
      return { cpus: options.cpus, house_keeping: options.house_keeping };
  }
};

/** Timer latency and noise of a machine, measured with cyclictest, oslat, rtla timerlat or rtla osnoise. */
export const timer = defineScenario<TimerOptions>({
  type: 'timer',
  summary: 'timer latency and noise: cyclictest, oslat, rtla timerlat or rtla osnoise',
  options: timerOptions,
  metrics,
  needs,
  preview,
  cpus,
  measure: async (trial) => (await import('./measure.js')).measure(trial),
});
