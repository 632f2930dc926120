import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { timed } from './command.js';
import { inPairs, median, timeCommand } from './pairs.js';
import type { Outcome, Row } from './row.js';

const cli = join(import.meta.dirname, '../../dist/kvm4nfv.js');
const node = process.execPath;
const nothing = () => timeCommand([node, '-e', '0']);

const small = `suite: small
contexts:
  here: { type: bare-metal, host: local }
hosts:
  local: {}
tests:
  - name: timer
    scenario: timer
    context: here
    options: { tool: cyclictest, duration: 10s }
    sla: ["max <= 1s"]
`;

const values = (count: number) => Array.from({ length: count }, (_, index) => String(index + 1)).join(', ');

/** 100 priorities would not do, there are 99: a multiple of 50. */
const large = (tests: number) => `suite: large
hosts:
  local: {}
contexts:
  here: { type: bare-metal, host: local }
tests:
  - name: timer-\${seconds}-\${priority}
    scenario: timer
    context: here
    options: { tool: cyclictest, duration: "\${seconds}s", priority: "\${priority}" }
    matrix: { seconds: [${values(tests / 50)}], priority: [${values(50)}] }
    sla: ["max <= 1s"]
`;

const withSuite = async (text: string, body: (file: string) => Promise<Outcome>): Promise<Outcome> => {
  const directory = await mkdtemp(join(tmpdir(), 'kvm4nfv-bench-'));
  try {
    const file = join(directory, 'suite.yaml');
    await writeFile(file, text);
    return await body(file);
  } finally {
    await rm(directory, { recursive: true });
  }
};

/** Most memory that `plan` takes, MB: the median of three. */
const peakOfPlan = async (tests: number): Promise<number> => {
  const { ours } = await withSuite(large(tests), async (file) => {
    const peaks: number[] = [];
    for (let turn = 0; turn < 3; turn += 1)
      peaks.push((await timed([node, cli, 'plan', file], { memory: true })).peak / 1e6);
    return { ours: median(peaks), reference: 1 };
  });
  return ours;
};

export const rows: readonly Row[] = [
  {
    name: 'start-up: --help',
    unit: 'ms',
    against: 'node -e 0',
    target: { atMost: 1.5 },
    run: () => inPairs(() => timeCommand([node, cli, '--help']), nothing, 21),
  },
  {
    name: 'start-up: validate a small suite',
    unit: 'ms',
    against: 'node -e 0',
    target: { atMost: 2.5 },
    run: () => withSuite(small, (file) => inPairs(() => timeCommand([node, cli, 'validate', file]), nothing, 21)),
  },
  {
    name: 'validate 10,000 tests, beyond start-up',
    unit: 'ms',
    against: 'allowed',
    target: { atMost: 1 },
    run: () =>
      withSuite(large(10_000), async (file) => {
        const { ours, reference } = await inPairs(
          () => timeCommand([node, cli, 'validate', file]),
          () => timeCommand([node, cli, '--help']),
          5,
        );
        return { ours: ours - reference, reference: 1500 };
      }),
  },
  {
    name: 'plan: memory of 10,000 tests',
    unit: 'MB',
    against: '1,000 tests',
    // Flat: what the garbage collector has not yet got round to is no growth with the tests.
    target: { atMost: 1.25 },
    run: async () => ({ ours: await peakOfPlan(10_000), reference: await peakOfPlan(1000) }),
  },
];
