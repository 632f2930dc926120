/** How fast emulated hosts start from a saved state. */
import { randomUUID } from 'node:crypto';
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

/** Seconds until an emulated host answers SSH while `others`, which have been started before it, run. */
const beside = async (others: number): Promise<number> => {
  const { definition, state } = await prepared();
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
