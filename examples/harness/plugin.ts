// A scenario, a runner and a context of one's own. Named in suite.yaml under `plugins`.
import { defineContext, defineRunner, defineScenario, duration, Histogram, Kvm4nfvError, z } from 'kvm4nfv/plugin';

/** How long it takes to start a process: `true`, again and again. */
const spawn = defineScenario({
  type: 'spawn',
  summary: 'Time to start a process and wait for its end',
  options: z.strictObject({ count: z.int().min(1).default(100).meta({ description: 'Processes started.' }) }),
  metrics: () => [{ name: 'latency', kind: 'histogram', unit: 'ns', description: 'From start to end of the process.' }],
  needs: () => [{ kind: 'tool', name: 'true', package: 'coreutils' }],
  preview: ({ count }) => ({ commands: Array.from({ length: Math.min(count, 1) }, () => ['true']) }),
  measure: (trial) =>
    trial.window(async () => {
      const histogram = new Histogram();
      const begin = process.hrtime.bigint();
      for (let index = 0; index < trial.options.count; index += 1) {
        const start = process.hrtime.bigint();
        await trial.sut.exec(['true'], { signal: trial.signal, timeout: 10_000 });
        histogram.record(Number(process.hrtime.bigint() - start));
      }
      const metrics = [{ kind: 'histogram', name: 'latency', unit: 'ns', labels: {}, histogram }] as const;
      // Fewer than asked for would be no data.
      const expected = [{ metric: 'latency', labels: {}, samples: trial.options.count }];
      return { metrics, expected, duration: Number(process.hrtime.bigint() - begin) };
    }),
});

/** Doubles `count` until a trial measures for long enough. */
const doubling = defineRunner({
  type: 'doubling',
  summary: 'Doubles an option until a trial measures for long enough',
  options: z.strictObject({ from: z.int().min(1), until: duration }),
  preview: ({ from }) => ({ parameters: [{ count: from }], trials: undefined }),
  *trials({ from, until }) {
    for (let count = from; count < 1e6; count *= 2) {
      const { measurement } = yield { parameters: { count } };
      if (measurement.duration >= until) return;
    }
  },
});

/** The host, where a directory is made for the time of the tests. */
const workshop = defineContext({
  type: 'workshop',
  summary: 'The host with a directory of its own',
  options: z.strictObject({ directory: z.string().startsWith('/tmp/') }),
  preview: ({ directory }) => [`make ${directory}`],
  async deploy({ directory }, { host, progress }) {
    progress(`making ${directory}`);
    const made = await host.exec(['mkdir', '-m', '0700', directory], { check: false });
    if (made.exitCode !== 0)
      throw new Kvm4nfvError('environment', `${host.name}: ${directory} is there already`, {
        hint: 'remove it, or name another',
      });
    return {
      sut: host,
      traits: { directory },
      async [Symbol.asyncDispose]() {
        await host.exec(['rmdir', directory]);
      },
    };
  },
});

export default [spawn, doubling, workshop];
