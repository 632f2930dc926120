import { expect } from 'chai';
import { applyTuning, planTuning } from '../../lib/tuning/engine.js';
import type { KnobResult } from '../../lib/tuning/judge.js';
import { tuningOf } from './machine.js';
import { recordedMachine, verified } from './recorded.js';

describe('irqbalance', () => {
  it('may go on where its settings keep it off the isolated CPUs', async () => {
    const result = await verified('irqbalance-banned-cpulist', { irqbalance: 'stopped' });
    expect(result?.reason).to.contain('leaves CPUs 2-3 alone');
    expect(result?.items.map(({ excused }) => excused)).to.deep.equal([true]);
  });

  it('may not where they keep it off others', async () => {
    for (const settings of [
      'IRQBALANCE_BANNED_CPULIST=5',
      // Of both irqbalance takes the mask.
      'IRQBALANCE_BANNED_CPULIST=2-3\nIRQBALANCE_BANNED_CPUS=20',
      // No line for the service manager, which reads them.
      'export IRQBALANCE_BANNED_CPULIST=2-3',
      'IRQBALANCE_BANNED_CPULIST=$ISOLATED',
    ]) {
      const files = { '/etc/default/irqbalance': `${settings}\n` };
      const result = await verified('irqbalance-banned-cpulist', { irqbalance: 'stopped' }, { files });
      expect(result?.state, settings).to.equal('differs');
    }
  });

  it('is told to leave them alone, the rest of its settings kept, and told back', async () => {
    const path = '/etc/default/irqbalance';
    const before = '# ours\nIRQBALANCE_ONESHOT=0\nIRQBALANCE_BANNED_CPUS=00000001\n';
    const { host } = recordedMachine('irqbalance-banned-cpulist', {
      files: { [path]: before },
      commands: { systemctl: () => '' },
    });
    const applied = await applyTuning(
      host,
      'run-1',
      await tuningOf({ profile: 'none', with: { isolated_cpus: '2-3' }, knobs: { irqbalance: 'banned' } }),
    );
    expect(host.files.get(path)).to.equal('# ours\nIRQBALANCE_ONESHOT=0\nIRQBALANCE_BANNED_CPULIST=2-3\n');
    const restarts = (): number => host.executed.filter((argv) => argv.includes('try-restart')).length;
    expect(restarts()).to.equal(1);
    await applied.restore();
    expect(host.files.get(path)).to.equal(before);
    expect(restarts()).to.equal(2);
  });
});

describe('settings that came later', () => {
  const set = async (
    knobs: Record<string, unknown>,
    files: Record<string, string>,
    isolated = '2-3',
  ): Promise<[KnobResult | undefined, ReadonlyMap<string, string>, () => Promise<unknown>]> => {
    const { host } = recordedMachine('base-intel-2s', { files });
    const applied = await applyTuning(host, 'run-1', await tuningOf({ profile: 'none', with: { isolated_cpus: isolated }, knobs: knobs as never })); // prettier-ignore
    return [applied.results[0], host.files, () => applied.restore()];
  };
  const uncore = '/sys/devices/system/cpu/intel_uncore_frequency/package_00_die_00';
  const policy = (cpu: number): string => `/sys/devices/system/cpu/cpufreq/policy${String(cpu)}`;

  it('are written where the kernel has them', async () => {
    for (const [knobs, path, before, after] of [
      [{ 'network-rps-default': 'housekeeping' }, '/proc/sys/net/core/rps_default_mask', '00\n', 'f3'],
      [{ 'selinux-avc-threshold': 8192 }, '/sys/fs/selinux/avc/cache_threshold', '512\n', '8192'],
    ] as const) {
      const [result, files, restore] = await set(knobs, { [path]: before });
      expect([result?.state, files.get(path)?.trim()]).to.deep.equal(['ok', after]);
      await restore();
      expect(files.get(path)?.trim()).to.equal(before.trim());
    }
  });

  it('keep the uncore at its highest', async () => {
    const [result, files] = await set({ 'uncore-frequency': 'maximum' }, { [`${uncore}/min_freq_khz`]: '800000\n', [`${uncore}/max_freq_khz`]: '2400000\n' }); // prettier-ignore
    expect([result?.state, files.get(`${uncore}/min_freq_khz`)?.trim()]).to.deep.equal(['ok', '2400000']);
  });

  it('limit frequencies by the kind of CPU', async () => {
    const files = Object.fromEntries([0, 2].flatMap((cpu) => [[`${policy(cpu)}/scaling_max_freq`, '3900000\n'], [`${policy(cpu)}/affected_cpus`, `${String(cpu)} ${String(cpu + 1)}\n`]])); // prettier-ignore
    const [, after] = await set({ 'maximum-frequency': { isolated: 2_800_000, housekeeping: 2_000_000 } }, files);
    expect([0, 2].map((cpu) => after.get(`${policy(cpu)}/scaling_max_freq`)?.trim())).to.deep.equal([
      '2000000',
      '2800000',
    ]);
  });

  it('ask for patience by the command line, where the kernel knows it', async () => {
    const path = '/sys/module/rcutree/parameters/nohz_full_patience_delay';
    const state = async (shown: string): Promise<string | undefined> => (await verified('base-intel-2s', { 'rcu-patience': 1000 }, { files: { [path]: shown } }))?.state; // prettier-ignore
    expect([await state('1000\n'), await state('0\n')]).to.deep.equal(['ok', 'needs-reboot']);
  });

  it('stop transparent huge pages of every size, which have minds of their own since 6.8', async () => {
    const thp = (size: string): string => `/sys/kernel/mm/transparent_hugepage/${size}enabled`;
    const files = {
      [thp('')]: 'always [madvise] never\n',
      [thp('hugepages-64kB/')]: 'always inherit madvise [never]\n',
      [thp('hugepages-1024kB/')]: '[always] inherit madvise never\n',
      [thp('hugepages-2048kB/')]: 'always [inherit] madvise never\n',
    };
    const { host } = recordedMachine('base-intel-2s', { files });
    const tuning = await tuningOf({ profile: 'none', knobs: { 'transparent-hugepages': 'never' } });
    const applied = await applyTuning(host, 'run-1', tuning);
    expect(host.written.map(([path, text]) => [path, text.trim()])).to.deep.include.members([
      [thp(''), 'never'],
      [thp('hugepages-1024kB/'), 'inherit'],
    ]);
    expect(host.written.map(([path]) => path)).to.not.include(thp('hugepages-64kB/'));
    await applied.restore();
    expect(host.written.at(-1)).to.deep.equal([thp(''), 'madvise\n']);
  });

  it('stop watchdogs in the order in which the kernel brings them back', async () => {
    const at = (name: string): string => `/proc/sys/kernel/${name}`;
    const names = ['soft_watchdog', 'nmi_watchdog', 'watchdog'];
    const { host } = recordedMachine('base-intel-2s', { files: Object.fromEntries(names.map((name) => [at(name), '1\n'])) }); // prettier-ignore
    const applied = await applyTuning(host, 'run-1', await tuningOf({ profile: 'none', knobs: { watchdogs: 'off' } }));
    await applied.restore();
    const written = host.written.filter(([path]) => path.startsWith('/proc/')).map(([path, text]) => [path, text.trim()]); // prettier-ignore
    expect(written).to.deep.equal([
      ...names.map((name) => [at(name), '0']),
      ...[...names].reverse().map((name) => [at(name), '1']),
    ]);
  });

  it('reserve huge pages by node at boot, and tell where fewer were found', async () => {
    const knobs = { 'hugepages-boot': { pages: [{ size: '1GiB', count: 2, node: 0 }, { size: '1GiB', count: 4, node: 1 }] } }; // prettier-ignore
    const { host } = recordedMachine('base-intel-2s');
    const plan = await planTuning(host, await tuningOf({ profile: 'none', knobs }));
    expect(plan.commandLine?.diff.added).to.deep.equal(['hugepagesz=1G hugepages=0:2,1:4']);
    const booted = { '/proc/cmdline': 'ro hugepagesz=1G hugepages=0:2,1:4\n', '/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages': '3\n' }; // prettier-ignore
    expect((await verified('base-intel-2s', knobs, { files: booted }))?.state).to.equal('differs');
  });
});
