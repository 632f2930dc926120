import { expect } from 'chai';
import fc from 'fast-check';
import { canonical } from '../../lib/tuning/aspect.js';
import { applyTuning, planTuning } from '../../lib/tuning/engine.js';
import { knobDocs } from '../../lib/tuning/knob-docs.js';
import { builtinKnobs } from '../../lib/tuning/knobs/index.js';
import { splitMask } from '../../lib/tuning/knobs/resctrl.js';
import { loadProfiles } from '../../lib/tuning/profile.js';
import { simulatedServer, treeOf, tuningOf, type Machine } from './machine.js';

const rejected = async (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => {
      throw new Error('it was not refused');
    },
    (reason: unknown) => reason as Error,
  );

describe('profiles', () => {
  it('all resolve, and name only knobs that there are', async () => {
    for (const profile of (await loadProfiles()).keys()) {
      const tuning = await tuningOf({ profile, with: { isolated_cpus: '2-3' } });
      expect(tuning.knobs.length, profile).to.be.greaterThan(profile === 'none' ? -1 : 5);
      await planTuning(simulatedServer().host, tuning);
    }
  });

  it('inherit, and are overridden by the suite', async () => {
    const tuning = await tuningOf({
      profile: 'realtime-guest',
      with: { isolated_cpus: 1 },
      knobs: { swappiness: 0, 'skew-tick': 'keep' },
    });
    const value = (name: string): unknown => tuning.knobs.find(({ knob }) => knob.name === name)?.value;
    expect([value('swappiness'), value('skew-tick'), value('governor'), value('stat-interval')]).to.deep.equal([
      0,
      undefined,
      undefined,
      10,
    ]);
  });

  it('are refused with what is wrong: an unknown profile, knob, value, or a parameter left out', async () => {
    expect((await rejected(tuningOf({ profile: 'realtime-hosts' }))).message).to.contain("no profile 'realtime-hosts'");
    expect((await rejected(tuningOf({ profile: 'none', knobs: { swapiness: 1 } }))).message).to.contain(
      "no knob 'swapiness'",
    );
    expect((await rejected(tuningOf({ profile: 'none', knobs: { swappiness: 'much' } }))).message).to.contain(
      "knob 'swappiness'",
    );
    expect((await rejected(tuningOf({ profile: 'realtime-host' }))).message).to.contain('isolated_cpus');
  });

  it('refuse to isolate every CPU', async () => {
    const tuning = await tuningOf({ profile: 'realtime-host', with: { isolated_cpus: 'all' } });
    expect((await rejected(planTuning(simulatedServer().host, tuning))).message).to.contain('no CPU for housekeeping');
  });
});

describe('knobs', () => {
  it('are all explained in the docs, with a source', () => {
    const docs = knobDocs();
    for (const { name, why, source } of builtinKnobs)
      expect(docs).to.contain(`### \`${name}\``).and.to.contain(why).and.to.contain(source);
  });

  it('partition the cache: group, CPUs and both masks, and give it back', async () => {
    const shown = '    L3:0=7ff;1=7ff\n    MB:0=100;1=100\n';
    const root = '/sys/fs/resctrl';
    let mounted = false;
    const tree = {
      [`${root}/schemata`]: shown,
      [`${root}/info/L3/cbm_mask`]: '7ff\n',
      [`${root}/info/MB/bandwidth_gran`]: '10\n',
      [`${root}/kvm4nfv/schemata`]: shown,
      [`${root}/kvm4nfv/cpus_list`]: '\n',
    };
    const merge =
      (path: string) =>
      (text: string): void => {
        const lines = new Map(
          (machine.host.files.get(path) ?? '')
            .trim()
            .split('\n')
            .map((line) => [line.trim().split(':')[0], line]),
        );
        for (const line of text.trim().split('\n')) lines.set(line.trim().split(':')[0], `    ${line.trim()}`);
        machine.host.files.set(path, `${[...lines.values()].join('\n')}\n`);
      };
    const machine: Machine = simulatedServer({
      commands: {
        findmnt: () => (mounted ? 'resctrl\n' : { exitCode: 1 }),
        mount: () => {
          mounted = true;
          for (const [path, text] of Object.entries(tree)) machine.host.files.set(path, text);
          return '';
        },
        umount: () => {
          mounted = false;
          for (const path of machine.host.files.keys()) if (path.startsWith(root)) machine.host.files.delete(path);
          return '';
        },
      },
      writes: {
        [`${root}/schemata`]: merge(`${root}/schemata`),
        [`${root}/kvm4nfv/schemata`]: merge(`${root}/kvm4nfv/schemata`),
      },
    });
    const before = treeOf(machine);
    const applied = await applyTuning(
      machine.host,
      'run-1',
      await tuningOf({
        profile: 'none',
        with: { isolated_cpus: '2-3' },
        knobs: { 'cache-allocation': { ways: 4, others_bandwidth: 50 } },
      }),
    );
    expect(applied.results[0]).to.include({ state: 'ok' });
    expect(machine.host.files.get(`${root}/kvm4nfv/schemata`)).to.contain('L3:0=f;1=f');
    expect(machine.host.files.get(`${root}/schemata`))
      .to.contain('L3:0=7f0;1=7f0')
      .and.to.contain('MB:0=50;1=50');
    expect(machine.host.files.get(`${root}/kvm4nfv/cpus_list`)).to.equal('2-3\n');
    expect((await applied.restore()).complete).to.equal(true);
    expect(treeOf(machine)).to.deep.equal(before);
  });

  it('split a cache mask in two contiguous parts that make the whole', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 20 }), fc.integer({ min: 1, max: 19 }), (all, ways) => {
        fc.pre(ways < all);
        const mask = (1 << all) - 1;
        const { own, others } = splitMask(mask.toString(16), ways);
        const [a, b] = [Number.parseInt(own, 16), Number.parseInt(others, 16)];
        expect([a | b, a & b, a]).to.deep.equal([mask, 0, (1 << ways) - 1]);
      }),
    );
  });

  it('take the siblings of isolated CPUs offline, and keep one thread of a core of which both are isolated', async () => {
    const machine = simulatedServer();
    const applied = await applyTuning(
      machine.host,
      'run-1',
      await tuningOf({ profile: 'none', with: { isolated_cpus: '2-3,7' }, knobs: { smt: 'siblings-offline' } }),
    );
    const offline = [0, 1, 2, 3, 4, 5, 6, 7].filter(
      (cpu) => machine.host.files.get(`/sys/devices/system/cpu/cpu${String(cpu)}/online`) === '0\n',
    );
    expect(offline).to.deep.equal([6, 7]);
    await applied.restore();
  });

  it('send the interrupts of a device where the suite says', async () => {
    const machine = simulatedServer();
    await applyTuning(
      machine.host,
      'run-1',
      await tuningOf({
        profile: 'none',
        with: { isolated_cpus: '2-3' },
        knobs: { 'irq-affinity': { devices: [{ match: 'vfio-msix', cpus: 'isolated' }] } },
      }),
    );
    expect(machine.host.files.get('/proc/irq/26/smp_affinity_list')).to.equal('2-3\n');
    expect(machine.host.files.get('/proc/irq/24/smp_affinity_list')).to.equal('0-1,4-7\n');
  });
});

describe('reading a value as the kernel shows it', () => {
  it('takes two spellings of one value for equal', () => {
    expect(canonical('cpu-mask', '00000000,000000f0')).to.equal(canonical('cpu-mask', 'f0'));
    expect(canonical('cpu-list', '3,2,1')).to.equal('1-3');
    expect(canonical('choice', 'always [madvise] never')).to.equal('madvise');
    expect(canonical('flag', 'Y')).to.equal('1');
    expect(canonical('schemata', '    L3:1=0ff;0=7ff\n')).to.equal(canonical('schemata', 'L3:0=7ff;1=ff'));
    expect(
      canonical('field:Combined', 'Pre-set maximums:\nCombined:\t8\nCurrent hardware settings:\nCombined:\t2\n'),
    ).to.equal('2');
    expect(canonical('field:tcp-segmentation-offload', 'tcp-segmentation-offload: off [fixed]\n')).to.equal('off');
    expect(
      canonical(
        'schedule',
        '14 (ksoftirqd/0) S 2 0 0 0 -1 69238848 0 0 0 0 0 3 0 0 20 0 1 0 6 0 0 1 0 0 0 0 0 0 0 1 0 0 0 0 17 0 2 1 0 0 0 0 0 0 0 0 0 0 0',
      ),
    ).to.equal('ksoftirqd/0 fifo 2');
  });
});
