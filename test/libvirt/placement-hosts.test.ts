import { expect } from 'chai';
import * as fc from 'fast-check';
import { Kvm4nfvError } from '../../lib/error.js';
import { resolveCpus, resolveCpusInOrder } from '../../lib/host/cpu-list.js';
import { parseFacts } from '../../lib/host/facts-parse.js';
import type { HostFacts } from '../../lib/host/facts-schema.js';
import { place, type Placement, type PlacementWish } from '../../lib/libvirt/placement.js';
import { placementHostOf } from '../../lib/libvirt/placement-host.js';
import { explainPlacement } from '../../lib/libvirt/placement-words.js';

const KiB = 1024;
const GiB = 2 ** 30;
const range = (first: number, last: number): number[] => Array.from({ length: last - first + 1 }, (_, i) => first + i);

interface Node {
  readonly id: number;
  readonly cpus: string;
  readonly memory: number;
  /** Free huge pages of 1 GiB. */
  readonly pages?: number;
}

interface Machine {
  readonly online: string;
  readonly isolated?: string;
  readonly siblings?: (cpu: number) => string;
  readonly cpus: readonly number[];
  readonly nodes: readonly Node[];
  readonly files?: Readonly<Record<string, string>>;
}

/** Facts of a machine as its kernel would show them. */
const factsOf = ({ online, isolated = '', siblings = String, cpus, nodes, files = {} }: Machine): HostFacts => {
  const cpu = '/sys/devices/system/cpu';
  const shown = new Map<string, string>([
    [':uid', '0'],
    [':machine', 'x86_64'],
    ['/proc/sys/kernel/hostname', 'sut'],
    ['/proc/sys/kernel/osrelease', '6.8.0-rt8'],
    ['/proc/sys/kernel/version', '#1 SMP PREEMPT_RT'],
    [`${cpu}/online`, online],
    [`${cpu}/isolated`, isolated],
    ...cpus.map((id): [string, string] => [`${cpu}/cpu${String(id)}/topology/thread_siblings_list`, siblings(id)]),
    ...Object.entries(files),
  ]);
  for (const { id, cpus: own, memory, pages } of nodes) {
    const node = `/sys/devices/system/node/node${String(id)}`;
    shown.set(`${node}/cpulist`, own);
    shown.set(`${node}/meminfo`, `Node ${String(id)} MemTotal:       ${String(memory / KiB)} kB`);
    if (pages === undefined) continue;
    shown.set(`${node}/hugepages/hugepages-1048576kB/nr_hugepages`, String(pages));
    shown.set(`${node}/hugepages/hugepages-1048576kB/free_hugepages`, String(pages));
  }
  return parseFacts([...shown].map(([path, text]) => `${path}\0${text}`).join('\n'));
};

const realtime = (vcpus: number, more: Partial<PlacementWish> = {}): PlacementWish => ({
  vcpus,
  profile: 'realtime',
  ...more,
});
const placed = (facts: HostFacts, wish: PlacementWish): Placement => place(placementHostOf(facts), wish);
const explained = (facts: HostFacts, wish: PlacementWish): string =>
  explainPlacement(placementHostOf(facts), wish, placed(facts, wish));
const refusal = (facts: HostFacts, wish: PlacementWish): string => {
  try {
    placed(facts, wish);
  } catch (error) {
    if (Kvm4nfvError.is(error) && error.code === 'E_PLACEMENT') return error.message;
    throw error;
  }
  throw new Error('expected a refusal');
};

const hybrid = factsOf({
  online: '0-23',
  isolated: '8-23',
  cpus: range(0, 23),
  siblings: (cpu) => (cpu < 16 ? `${String(cpu - (cpu % 2))}-${String(cpu - (cpu % 2) + 1)}` : String(cpu)),
  nodes: [{ id: 0, cpus: '0-23', memory: 64 * GiB }],
  files: { '/sys/devices/cpu_core/cpus': '0-15', '/sys/devices/cpu_atom/cpus': '16-23' },
});

describe('placement knows kinds of cores', () => {
  it('a realtime guest gets P cores where they suffice, else E cores, and never both', () => {
    expect(placed(hybrid, realtime(4)).vcpus.flat()).to.deep.equal([8, 10, 12, 14]);
    expect(placed(hybrid, realtime(6)).vcpus.flat()).to.deep.equal(range(16, 21));
    expect(refusal(hybrid, realtime(9))).to.match(/9 vCPUs need as many whole free cores of one kind .* node 0 has 8/);
  });

  it('another guest that has the P cores leaves the E cores', () => {
    expect(placed(hybrid, realtime(2, { taken: [8, 10, 12] })).vcpus.flat()).to.deep.equal([16, 17]);
  });

  it('a default guest shares CPUs of one kind where one suffices', () => {
    expect(placed(hybrid, { vcpus: 4, profile: 'default' }).vcpus[0]).to.deep.equal(range(0, 7));
  });

  it('by capacity too, as on arm64, the fastest first; alike cores have no kind', () => {
    const files = (of: (cpu: number) => number): Record<string, string> =>
      Object.fromEntries(
        range(0, 7).map((id) => [`/sys/devices/system/cpu/cpu${String(id)}/cpu_capacity`, String(of(id))]),
      );
    const machine = { online: '0-7', isolated: '1-7', cpus: range(0, 7), nodes: [{ id: 0, cpus: '0-7', memory: GiB }] };
    const big = factsOf({ ...machine, files: files((id) => (id < 4 ? 446 : 1024)) });
    expect(placed(big, realtime(3)).vcpus.flat()).to.deep.equal([4, 5, 6]);
    expect(explained(big, realtime(3))).to.contain('cores of capacity 1024');
    const alike = factsOf({ ...machine, files: files(() => 1024) });
    expect(alike.topology.cpus.some((cpu) => 'kind' in cpu)).to.equal(false);
    expect(placed(alike, realtime(7)).vcpus.flat()).to.deep.equal(range(1, 7));
  });

  it('whatever is isolated and taken', () => {
    fc.assert(
      fc.property(fc.subarray(range(0, 23)), fc.integer({ min: 1, max: 8 }), (taken, vcpus) => {
        try {
          const cpus = placed(hybrid, realtime(vcpus, { taken })).vcpus.flat();
          expect(new Set(cpus.map((cpu) => cpu < 16)).size).to.equal(1);
        } catch (error) {
          if (!Kvm4nfvError.is(error)) throw error;
        }
      }),
    );
  });
});

describe('placement knows memory', () => {
  /** Sub-NUMA clusters, the first without DIMMs and with the fewest CPUs. */
  const clusters = factsOf({
    online: '0-5,8-31',
    cpus: [...range(0, 5), ...range(8, 31)],
    nodes: [
      { id: 0, cpus: '0-5', memory: 0 },
      { id: 1, cpus: '8-15', memory: 32 * GiB },
      { id: 2, cpus: '16-23', memory: 32 * GiB },
      { id: 3, cpus: '24-31', memory: 8 * GiB },
    ],
  });

  it('passes over a node without memory, for either profile', () => {
    expect(placed(clusters, realtime(4)).nodes).to.deep.equal([1]);
    expect(placed(clusters, { vcpus: 4, profile: 'default' }).nodes).to.deep.equal([1]);
    expect(explained(clusters, realtime(4))).to.contain('node 0 passed over: no memory');
  });

  it('and one with too little', () => {
    expect(placed(clusters, realtime(4, { memory: 16 * GiB, taken: [8, 9, 10, 11, 12, 13] })).nodes).to.deep.equal([2]);
    expect(refusal(clusters, realtime(4, { memory: 33 * GiB }))).to.match(
      /and its memory there; node 0 has 6 and no memory, node 1 has 8 and 32\.0 GiB of memory/,
    );
    expect(refusal(clusters, realtime(4, { node: 0 }))).to.contain('node 0 has 6 and no memory');
  });

  it('pins on a node without memory leave it to the kernel where the memory comes from', () => {
    expect(placed(clusters, realtime(2, { pins: [1, 2] })).nodes).to.deep.equal([]);
    expect(placed(clusters, realtime(2, { pins: [1, 8] })).nodes).to.deep.equal([1]);
  });

  it('takes the node whose huge pages suffice', () => {
    const pages = factsOf({
      online: '0-15',
      isolated: '2-7,10-15',
      cpus: range(0, 15),
      nodes: [
        { id: 0, cpus: '0-7', memory: 32 * GiB, pages: 2 },
        { id: 1, cpus: '8-15', memory: 32 * GiB, pages: 16 },
      ],
    });
    const wish = realtime(4, { memory: 4 * GiB, hugepages: GiB });
    expect(placed(pages, wish).nodes).to.deep.equal([1]);
    expect(placed(pages, { ...wish, memory: 2 * GiB }).nodes).to.deep.equal([0]);
    expect(explained(pages, wish)).to.equal(
      'CPUs 10,11,12,13 of NUMA node 1 (whole isolated cores); emulator on 8-9; node 0 passed over: 2 of 4 huge pages of 1 GiB',
    );
    expect(refusal(pages, { ...wish, memory: 17 * GiB })).to.contain('node 1 has 6 and 16 of 17 huge pages of 1 GiB');
  });

  it('never leads to a node that can not give it', () => {
    const memories = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(memories, fc.integer({ min: 1, max: 4 }), (sizes, wanted) => {
        const count = sizes.length * 4;
        const facts = factsOf({
          online: `0-${String(count - 1)}`,
          cpus: range(0, count - 1),
          nodes: sizes.map((size, id) => ({
            id,
            cpus: `${String(id * 4)}-${String(id * 4 + 3)}`,
            memory: size * GiB,
          })),
        });
        try {
          const { nodes } = placed(facts, realtime(2, { memory: wanted * GiB }));
          expect(nodes.map((id) => (sizes[id] ?? 0) >= wanted)).to.deep.equal([true]);
        } catch (error) {
          if (!Kvm4nfvError.is(error)) throw error;
          expect(sizes.every((size) => size < wanted)).to.equal(true);
        }
      }),
    );
  });
});

describe('pins', () => {
  const { topology } = hybrid;
  it('keep the order in which they are named, each once', () => {
    expect(resolveCpusInOrder('8,2', topology)).to.deep.equal([8, 2]);
    expect(resolveCpusInOrder('20-22,3,21,0', topology)).to.deep.equal([20, 21, 22, 3, 0]);
    expect(resolveCpus('8,2', topology)).to.deep.equal([2, 8]);
    const wish = { vcpus: 2, profile: 'realtime', pins: resolveCpusInOrder('20,8', topology) } as const;
    expect(placed(hybrid, wish).vcpus).to.deep.equal([[20], [8]]);
    expect(explained(hybrid, wish)).to.equal(
      'CPUs 20,8 of NUMA node 0 (as asked for, E cores, P cores); emulator on 0-7',
    );
  });
});
