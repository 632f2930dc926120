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

  it('move interrupts off the threads that go offline, and back once these are online again', async () => {
    const irq = (machine: Machine, number: number): string | undefined =>
      machine.host.files.get(`/proc/irq/${String(number)}/smp_affinity_list`)?.trim();
    const machine: Machine = simulatedServer({
      writes: {
        // As the kernel does it: an interrupt that is left without a CPU goes to all, and its mask is forgotten.
        '/sys/devices/system/cpu/smt/control': (text, { files }) => {
          const off = text.trim() === 'off';
          files
            .set('/sys/devices/system/cpu/smt/control', text)
            .set('/sys/devices/system/cpu/online', off ? '0-3\n' : '0-7\n');
          for (let cpu = 0; cpu < 8; cpu++) {
            const path = `/sys/devices/system/cpu/cpu${String(cpu)}/topology/thread_siblings_list`;
            if (!off) files.set(path, `${String(cpu % 4)},${String((cpu % 4) + 4)}\n`);
            else if (cpu < 4) files.set(path, `${String(cpu)}\n`);
            else files.delete(path);
          }
          if (off && irq(machine, 25) === '7') files.set('/proc/irq/25/smp_affinity_list', '0-7\n');
        },
      },
    });
    const before = treeOf(machine);
    const tuning = await tuningOf({
      profile: 'none',
      with: { isolated_cpus: '2-3,6-7' },
      knobs: { smt: 'off', 'irq-affinity': 'housekeeping' },
    });
    const applied = await applyTuning(machine.host, 'run-1', tuning);
    expect(applied.results.map(({ knob, state }) => [knob, state])).to.deep.equal([['smt', 'ok'], ['irq-affinity', 'ok']]); // prettier-ignore
    expect([24, 25, 26, 27].map((number) => irq(machine, number))).to.deep.equal(['0-1', '0-1', '0-1', '0']);
    expect((await applied.restore()).complete).to.equal(true);
    expect(irq(machine, 25)).to.equal('7');
    expect(Object.keys(before).filter((path) => machine.host.files.get(path) !== before[path])).to.deep.equal([]);
  });

  it('say which isolated CPUs went offline where none is left', async () => {
    const machine: Machine = simulatedServer({
      writes: {
        '/sys/devices/system/cpu/smt/control': (text, { files }) => {
          files
            .set('/sys/devices/system/cpu/smt/control', text)
            .set('/sys/devices/system/cpu/online', text.trim() === 'off' ? '0-3\n' : '0-7\n');
        },
      },
    });
    const before = treeOf(machine);
    const tuning = await tuningOf({ profile: 'none', with: { isolated_cpus: '6-7' }, knobs: { smt: 'off' } });
    const error = await rejected(applyTuning(machine.host, 'run-1', tuning));
    expect(error.message).to.equal('of the CPUs 6-7 none is online any more');
    expect(treeOf(machine)).to.deep.equal(before);
  });

  it('tell a hugetlbfs of the wrong page size, or another file system, from the one asked for, and leave it', async () => {
    const mounts = new Map([['/mnt/small', 'hugetlbfs rw,relatime,pagesize=2M'], ['/mnt/large', 'hugetlbfs rw,relatime,pagesize=1024M'], ['/mnt/data', 'ext4 rw,relatime']]); // prettier-ignore
    const machine = simulatedServer({
      commands: {
        findmnt: (argv) => {
          const shown = mounts.get(argv.at(-1) ?? '');
          return shown === undefined ? { exitCode: 1 } : `${shown}\n`;
        },
        mount: (argv) => {
          mounts.set(argv.at(-1) ?? '', `hugetlbfs rw,${argv[4] ?? ''}`);
          return '';
        },
        umount: ([, path = '']) => {
          mounts.delete(path);
          return '';
        },
      },
    });
    const wanted = [...mounts.keys(), '/mnt/none'].map((path) => ({ size: '1GiB' as const, path }));
    const before = new Map(mounts);
    const tuning = await tuningOf({ profile: 'none', knobs: { hugetlbfs: wanted } });
    const applied = await applyTuning(machine.host, 'run-1', tuning);
    const seen = applied.results[0]?.items.filter(({ label }) => label.startsWith('1GiB at'));
    expect(seen?.map(({ label, state, effective }) => [label, state, effective])).to.deep.equal([
      ['1GiB at /mnt/small', 'differs', 'hugetlbfs pagesize=2048K'],
      ['1GiB at /mnt/large', 'ok', 'hugetlbfs pagesize=1048576K'],
      ['1GiB at /mnt/data', 'differs', 'ext4'],
      ['1GiB at /mnt/none', 'ok', 'hugetlbfs pagesize=1048576K'],
    ]);
    expect((await applied.restore()).complete).to.equal(true);
    expect(mounts).to.deep.equal(before);
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
