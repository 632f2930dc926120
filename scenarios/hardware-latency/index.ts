import { defineScenario, type Need } from '../../lib/plugin.js';
import { hwnoiseArgv } from './hwnoise.js';
import { declarations } from './metrics.js';
import { type HardwareLatencyOptions, hardwareLatencyOptions } from './options.js';

const root: Need = { kind: 'root' };

const needs = ({ tool }: HardwareLatencyOptions): readonly Need[] =>
  tool === 'hwlat'
    ? [
        root,
        {
          kind: 'file',
          path: '/sys/kernel/tracing/hwlat_detector/mode',
          why: 'the hwlat tracer of Linux 5.14 or newer with CONFIG_HWLAT_TRACER is needed',
        },
      ]
    : [
        { kind: 'tool', name: 'rtla', package: 'rtla', command: ['hwnoise'], options: ['--cpus'] },
        root,
        {
          kind: 'file',
          path: '/sys/kernel/tracing/osnoise/period_us',
          why: 'rtla hwnoise needs a kernel with CONFIG_OSNOISE_TRACER',
        },
      ];

/** Time that the hardware takes from CPUs unseen by their kernel, by SMIs as a rule, or a hypervisor from those of a guest. */
export const hardwareLatency = defineScenario<HardwareLatencyOptions>({
  type: 'hardware-latency',
  summary: 'time that the hardware takes unseen by the kernel: the hwlat tracer or rtla hwnoise',
  options: hardwareLatencyOptions,
  metrics: () => declarations,
  needs,
  preview: (options) => ({
    commands: [
      options.tool === 'hwlat'
        ? ['hwlat', `cpus=${options.cpus}`, `threshold=${String(options.threshold / 1000)}us`]
        : hwnoiseArgv(options, options.cpus),
    ],
    duration: options.duration,
  }),
  cpus: ({ cpus }) => ({ cpus }),
  measure: async (trial) => (await import('./measure.js')).measure(trial),
});
