// A test harness that runs a suite by itself and reads the histogram.
import { builtins, decodeHistogram, execute, loadSuite, planSuite } from 'kvm4nfv';

const loaded = await loadSuite('suite.yaml', { registry: builtins() });
const { result, directory } = await execute(planSuite(loaded), { results: 'results' });

for (const test of result.tests) {
  console.log(`${test.name}: ${test.verdict} in ${String(test.trials.length)} trials`);
  const metric = test.trials.at(-1)?.metrics.find(({ name }) => name === 'latency');
  if (metric?.kind !== 'histogram') continue;
  const histogram = decodeHistogram(metric);
  console.log(
    `  last trial: ${String(histogram.count)} samples, median ${String(histogram.percentile(50))} ns, max ${String(histogram.max)} ns`,
  );
}
console.log(`files: ${directory}`);
process.exitCode = result.exitCode;
