/** How fast emulated hosts start from a saved state. */
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { totalmem } from 'node:os';
import { localHost } from '../../lib/host/local.js';
import type { Definition } from '../../lib/lab/definition.js';
import type { SavedState } from '../../lib/lab/saved.js';
import { startVirtualHost } from '../../lib/lab/start.js';
import { savedState } from '../../lib/lab/state.js';
import type { VirtualHost } from '../../lib/lab/virtual-host.js';
import { labDefinition, noLab } from '../lab/lab.js';
import { inPairs, median } from './pairs.js';
import type { Row } from './row.js';

const host = localHost();
const run = `bench-${randomUUID().slice(0, 8)}`;
const allowed = 10;
const rounds = 3;

const prepared = async (): Promise<{ readonly definition: Definition; readonly state: SavedState }> => {
  const definition = await labDefinition(host);
  if (typeof definition === 'string') throw new Error(definition);
  return { definition, state: await savedState(host, definition, { run }) };
};

/**
 * Where this machine is a virtual one, free memory may be with its hypervisor, and is slow to get back: a first machine takes
 * what the last one left, and a second one would pay for that alone.
 */
const takeMemory = (): void => {
  const bytes = Math.min(8 * 2 ** 30, Math.floor(totalmem() / 3));
  const script = `for (let left = ${String(bytes)}, kept = []; left > 0; left -= 2 ** 28) kept.push(Buffer.alloc(2 ** 28, 1))`;
  execFileSync(process.execPath, ['-e', script]);
};

/** Seconds until an emulated host answers SSH while `others`, which have been started before it, run. */
const beside = async (others: number): Promise<number> => {
  const { definition, state } = await prepared();
  takeMemory();
  const machines: VirtualHost[] = [];
  try {
    let took = 0;
    for (let number = 0; number <= others; number += 1) {
      const began = performance.now();
      machines.push(await startVirtualHost(host, definition, { run, name: `dut${String(number)}`, state }));
      took = (performance.now() - began) / 1000;
    }
    return took;
  } finally {
    for (const machine of machines) await machine[Symbol.asyncDispose]();
  }
};

/** Seconds until two emulated hosts, started at once, answer SSH. */
const atOnce = async (): Promise<number> => {
  const { definition, state } = await prepared();
  takeMemory();
  const began = performance.now();
  const start = (name: string): Promise<VirtualHost> => startVirtualHost(host, definition, { run, name, state });
  const machines = await Promise.all([start('dut0'), start('dut1')]);
  const took = (performance.now() - began) / 1000;
  for (const machine of machines) await machine[Symbol.asyncDispose]();
  return took;
};

const alone = (): Promise<number> => beside(0);

export const rows: readonly Row[] = [
  {
    name: 'emulated host: from a saved state to SSH',
    unit: 's',
    against: 'allowed',
    target: { atMost: 1 },
    unable: () => noLab(host),
    run: async () => {
      const took: number[] = [];
      for (let round = 0; round < rounds; round += 1) took.push(await alone());
      return { ours: median(took), reference: allowed };
    },
  },
  {
    name: 'emulated host: a second one in parallel to the first',
    unit: 's',
    against: 'one alone',
    target: { atMost: 1.5 },
    unable: () => noLab(host),
    run: () => inPairs(() => beside(1), alone, rounds),
  },
  {
    name: 'emulated host: two started at once',
    unit: 's',
    against: 'one after the other',
    target: { atMost: 1 },
    unable: () => noLab(host),
    run: () => inPairs(atOnce, async () => (await alone()) + (await alone()), rounds),
  },
];
