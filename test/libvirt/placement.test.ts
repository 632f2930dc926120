import { expect } from 'chai';
import * as fc from 'fast-check';
import { place, type Placement, type PlacementWish } from '../../lib/libvirt/placement.js';
import type { PlacementHost } from '../../lib/libvirt/placement-host.js';
import { Kvm4nfvError } from '../../lib/error.js';

interface Shape {
  readonly nodes: number;
  readonly cores: number;
  readonly threads: number;
}

/** CPUs numbered as Linux does on x86: all first threads of all nodes, then all second ones. */
const hostOf = ({ nodes, cores, threads }: Shape, isolated: readonly number[] = []): PlacementHost => {
  const all = nodes * cores;
  const range = (length: number): readonly number[] => Array.from({ length }, (_, index) => index);
  const siblings = (core: number): readonly number[] => range(threads).map((thread) => core + thread * all);
  return {
    online: range(all * threads),
    nodes: range(nodes).map((id) => ({
      id,
      cpus: range(cores)
        .flatMap((core) => siblings(id * cores + core))
        .sort((a, b) => a - b),
    })),
    siblings: new Map(range(all * threads).map((cpu) => [cpu, siblings(cpu % all)])),
    isolated,
  };
};

const refusal = (host: PlacementHost, wish: PlacementWish): string => {
  try {
    place(host, wish);
  } catch (error) {
    if (Kvm4nfvError.is(error) && error.fault === 'environment') return error.message;
    throw error;
  }
  throw new Error('expected a refusal');
};

const shapes = fc.record({
  nodes: fc.integer({ min: 1, max: 4 }),
  cores: fc.integer({ min: 1, max: 8 }),
  threads: fc.integer({ min: 1, max: 2 }),
});
const worlds = shapes.chain((shape) => {
  const count = shape.nodes * shape.cores * shape.threads;
  const some = fc.subarray(Array.from({ length: count }, (_, cpu) => cpu));
  return fc.record({
    host: some.map((isolated) => hostOf(shape, isolated)),
    taken: fc.oneof(fc.constant<number[]>([]), some),
    vcpus: fc.integer({ min: 1, max: 8 }),
  });
});

const tried = (host: PlacementHost, wish: PlacementWish): Placement | undefined => {
  try {
    return place(host, wish);
  } catch (error) {
    if (Kvm4nfvError.is(error)) return undefined;
    throw error;
  }
};

describe('placement of a realtime guest', () => {
  const wish = (vcpus: number, more: Partial<PlacementWish> = {}): PlacementWish => ({
    vcpus,
    profile: 'realtime',
    ...more,
  });

  it('never shares a core, keeps to one node, and leaves CPUs for the host', () => {
    fc.assert(
      fc.property(worlds, ({ host, taken, vcpus }) => {
        const placed = tried(host, wish(vcpus, { taken }));
        if (placed === undefined) return;
        const cpus = placed.vcpus.flat();
        const cores = cpus.flatMap((cpu) => host.siblings.get(cpu) ?? []);
        expect(cpus).to.have.lengthOf(vcpus);
        expect(new Set(cores).size).to.equal(cores.length);
        expect(cores.filter((cpu) => taken.includes(cpu))).to.deep.equal([]);
        expect(placed.nodes).to.have.lengthOf(1);
        expect(placed.housekeeping).not.to.be.empty;
        expect(placed.housekeeping.filter((cpu) => cores.includes(cpu) || taken.includes(cpu))).to.deep.equal([]);
        if (host.isolated.length > 0) {
          expect(cpus.filter((cpu) => !host.isolated.includes(cpu))).to.deep.equal([]);
          expect(placed.housekeeping.filter((cpu) => host.isolated.includes(cpu))).to.deep.equal([]);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('finds a place wherever one whole core is free beside one for the host', () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        fc.pre(shape.cores >= 2);
        expect(tried(hostOf(shape), wish(shape.cores - 1))).not.to.equal(undefined);
      }),
    );
  });

  it('takes the first threads of isolated cores of the smallest node that suffices', () => {
    const host = hostOf({ nodes: 2, cores: 4, threads: 2 }, [5, 6, 7, 13, 14, 15]);
    expect(place(host, wish(2))).to.deep.equal({ nodes: [1], vcpus: [[5], [6]], housekeeping: [4, 12] });
  });

  it('leaves the core of CPU 0 for the host', () => {
    expect(place(hostOf({ nodes: 1, cores: 2, threads: 1 }), wish(1))).to.deep.equal({
      nodes: [0],
      vcpus: [[1]],
      housekeeping: [0],
    });
  });

  it('refuses what is impossible, with the numbers', () => {
    expect(refusal(hostOf({ nodes: 1, cores: 2, threads: 1 }), wish(2))).to.contain(
      '2 vCPUs need as many whole free cores on one NUMA node; node 0 has 1',
    );
    expect(refusal(hostOf({ nodes: 2, cores: 4, threads: 1 }), wish(5))).to.contain('node 0 has 4, node 1 has 4');
    expect(refusal(hostOf({ nodes: 1, cores: 4, threads: 1 }), wish(1, { node: 3 }))).to.contain('no NUMA node 3');
    expect(refusal(hostOf({ nodes: 1, cores: 2, threads: 1 }, [0, 1]), wish(1))).to.contain(
      'no CPU is left for the host',
    );
  });

  it('honours pins and checks them', () => {
    const host = hostOf({ nodes: 2, cores: 4, threads: 2 });
    expect(place(host, wish(2, { pins: [6, 5] })).vcpus).to.deep.equal([[6], [5]]);
    expect(place(host, wish(2, { pins: [6, 5], housekeeping: [0] })).housekeeping).to.deep.equal([0]);
    expect(refusal(host, wish(2, { pins: [5] }))).to.contain('2 vCPUs, but 1 pins');
    expect(refusal(host, wish(2, { pins: [5, 13] }))).to.contain('CPUs 5 and 13 are of one core (5,13)');
    expect(refusal(host, wish(2, { pins: [5, 5] }))).to.contain('of one core');
    expect(refusal(host, wish(1, { pins: [99] }))).to.contain('CPU 99 is not online');
    expect(refusal(host, wish(1, { pins: [5], taken: [5] }))).to.contain("is another guest's");
    expect(refusal(host, wish(1, { pins: [5], node: 0 }))).to.contain('not of NUMA node 0');
    expect(refusal(host, wish(1, { pins: [5], housekeeping: [13] }))).to.contain("belongs to a realtime vCPU's core");
  });
});

describe('placement of a default guest', () => {
  it('shares the free CPUs of one node and stays off isolated ones', () => {
    fc.assert(
      fc.property(worlds, ({ host, taken, vcpus }) => {
        const placed = tried(host, { vcpus, profile: 'default', taken });
        if (placed === undefined) return;
        const cpus = [...new Set(placed.vcpus.flat())];
        expect(placed.vcpus).to.have.lengthOf(vcpus);
        expect(placed.nodes).to.have.lengthOf(1);
        expect(cpus.filter((cpu) => host.isolated.includes(cpu) || taken.includes(cpu))).to.deep.equal([]);
        expect(cpus.length).to.be.at.least(vcpus);
      }),
    );
  });

  it('may use every CPU of a small host', () => {
    expect(place(hostOf({ nodes: 1, cores: 2, threads: 1 }), { vcpus: 2, profile: 'default' })).to.deep.equal({
      nodes: [0],
      vcpus: [
        [0, 1],
        [0, 1],
      ],
      housekeeping: [0, 1],
    });
  });
});
