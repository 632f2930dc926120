import {
  defineContext,
  defineRunner,
  defineScenario,
  duration,
  Histogram,
  Kvm4nfvError,
  size,
  z,
  type MetricDeclaration,
} from '../../lib/plugin.js';
import { Registry } from '../../lib/run/registry.js';

const timerOptions = z.strictObject({
  tool: z.enum(['cyclictest', 'oslat']).default('cyclictest'),
  interval: duration.optional(),
  duration: duration.optional(),
  priority: z.int().min(1).max(99).default(99),
  cpus: z.union([z.int(), z.string()]).optional(),
  secret: z.string().optional(),
});
type TimerOptions = z.output<typeof timerOptions>;

const latency: MetricDeclaration = { name: 'latency', kind: 'histogram', unit: 'ns', description: 'wake-up latency' };
const cycles: MetricDeclaration = { name: 'cycles', kind: 'counter', unit: 'count', description: 'wake-ups' };

const timer = defineScenario<TimerOptions>({
  type: 'timer',
  summary: 'Timer latency',
  options: timerOptions,
  metrics: () => [latency, cycles],
  needs: () => [],
  preview: () => ({ commands: [] }),
  measure: () =>
    Promise.resolve({
      metrics: [{ kind: 'histogram', name: 'latency', unit: 'ns', labels: {}, histogram: new Histogram() }],
      duration: 0,
    }),
});

const iterationOptions = z.strictObject({ count: z.int().min(1).default(1) });

const iteration = defineRunner<z.output<typeof iterationOptions>>({
  type: 'iteration',
  summary: 'The same trial again and again',
  options: iterationOptions,
  preview: ({ count }) => ({ parameters: [{}], trials: count }),
  async *trials({ count }) {
    for (let trial = 0; trial < count; trial++) yield await Promise.resolve({ parameters: {} });
  },
});

const listOptions = z.strictObject({ over: z.record(z.string(), z.array(z.unknown()).min(1)) });

const list = defineRunner<z.output<typeof listOptions>>({
  type: 'list',
  summary: 'One trial for each value of each option',
  options: listOptions,
  preview: ({ over }) => ({
    parameters: Object.entries(over).flatMap(([key, values]) => values.map((value) => ({ [key]: value }))),
    trials: undefined,
  }),
  async *trials({ over }) {
    for (const [key, values] of Object.entries(over))
      for (const value of values) yield await Promise.resolve({ parameters: { [key]: value } });
  },
});

const nowhere = (): Promise<never> => Promise.reject(new Kvm4nfvError('internal', 'only for tests of suites'));

const bareMetal = defineContext<Record<string, never>>({
  type: 'bare-metal',
  summary: 'The host itself',
  options: z.strictObject({}),
  preview: () => [],
  deploy: nowhere,
});

const guestOptions = z.strictObject({
  vcpus: z.int().min(1).default(1),
  memory: size.optional(),
  image: z.string().optional(),
});

const guest = defineContext<z.output<typeof guestOptions>>({
  type: 'kvm-guest',
  summary: 'A guest',
  options: guestOptions,
  preview: () => [],
  deploy: nowhere,
});

/** Small definitions whose options don't change with the built-in ones: for golden texts. */
export const registry = (): Registry => new Registry([timer, iteration, list, bareMetal, guest]);
