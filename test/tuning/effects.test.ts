import { expect } from 'chai';
import { verifyTuning, planTuning } from '../../lib/tuning/engine.js';
import type { KnobResult } from '../../lib/tuning/judge.js';
import { mergeCmdline, missingParameters } from '../../lib/tuning/cmdline.js';
import { tuningOf } from './machine.js';
import { recordedMachine, type RecordedOptions } from './recorded.js';

type Knobs = Parameters<typeof tuningOf>[0]['knobs'];
const verified = async (
  name: string,
  knobs: Knobs,
  isolated?: string,
  options: RecordedOptions = {},
): Promise<Map<string, KnobResult>> => {
  const spec = { profile: 'none', ...(isolated === undefined ? {} : { with: { isolated_cpus: isolated } }), knobs };
  const results = await verifyTuning(recordedMachine(name, options).host, await tuningOf(spec));
  return new Map(results.map((result) => [result.knob, result]));
};
const statesOf = async (...args: Parameters<typeof verified>): Promise<Record<string, string>> =>
  Object.fromEntries([...(await verified(...args))].map(([knob, { state }]) => [knob, state]));

const groups = (type: string): Record<string, string> =>
  Object.fromEntries(['0', '1', '2'].map((group) => [`/sys/kernel/iommu_groups/${group}/type`, `${type}\n`]));
const given = (cmdline: string): Record<string, string> => ({
  '/proc/cmdline': `BOOT_IMAGE=/vmlinuz root=/dev/sda2 ro ${cmdline}\n`,
});
const allThree = { isolcpus: ['domain'], 'nohz-full': 'isolated', 'rcu-nocbs': 'isolated' };

describe('a parameter of the kernel counts by its effect', () => {
  it('whoever gave it, and however it is spelt', async () => {
    const fine = { isolcpus: 'ok', 'nohz-full': 'ok', 'rcu-nocbs': 'ok' };
    const full = { ...allThree, isolcpus: ['managed_irq', 'domain'] };
    expect(await statesOf('cmdline-openshift-performanceprofile', full, '2-3')).to.deep.equal(fine);
    expect(await statesOf('cmdline-tuned-comma-lists', allThree, '2-3')).to.deep.equal(fine);
    const suse = { ...full, nosoftlockup: 'set', 'skew-tick': 1, iommu: 'pt', irqaffinity: 'housekeeping' };
    const threads = Object.fromEntries(
      [2, 3].map((cpu) => [`/proc/${String(cpu + 40)}/stat`, `${String(cpu + 40)} (rcuop/${String(cpu)}) S 2 0\n`]),
    );
    const states = await statesOf('cmdline-suse-edge', suse, '2-3', {
      files: { ...threads, '/proc/irq/default_smp_affinity': 'f3\n' },
    });
    expect(new Set(Object.values(states))).to.deep.equal(new Set(['ok']));
  });

  it('needs no reboot, and no boot loader is looked for, where all of it shows', async () => {
    const { host } = recordedMachine('cmdline-openshift-performanceprofile');
    const spec = { profile: 'none', with: { isolated_cpus: '2-3' }, knobs: allThree };
    expect((await planTuning(host, await tuningOf(spec))).commandLine).to.equal(undefined);
  });

  it('differs, with the reason, where it is given and nothing shows', async () => {
    const offload = (await verified('rcu-nocbs-kernel-without-offload', { 'rcu-nocbs': 'isolated' }, '2-3')).get(
      'rcu-nocbs',
    );
    expect(offload).to.include({ state: 'differs' });
    expect(offload?.reason).to.contain('built without CONFIG_RCU_NOCB_CPU');
    const all = { files: given('rcu_nocbs=all') };
    expect(await statesOf('base-intel-2s', { 'rcu-nocbs': 'isolated' }, '2-3', all)).to.deep.equal({
      'rcu-nocbs': 'differs',
    });
    const off = (await verified('iommu-off-in-firmware', { iommu: 'pt' })).get('iommu');
    expect(off).to.include({ state: 'differs' });
    expect(off?.reason).to.contain('off in the firmware');
    const mapped = await verified('base-intel-2s', { iommu: 'pt' }, undefined, {
      files: { ...groups('DMA-FQ'), ...given('intel_iommu=on iommu=pt') },
    });
    expect(mapped.get('iommu')?.reason).to.contain('all 3 IOMMU groups are of type DMA-FQ');
    const other = await verified('base-intel-2s', { 'nohz-full': 'isolated' }, '2-3', {
      files: given('nohz_full=2-3'),
    });
    expect(other.get('nohz-full')).to.include({ state: 'differs' });
    const off2 = { files: { ...given('nohz=off nohz_full=2-3'), '/sys/devices/system/cpu/nohz_full': '2-3\n' } };
    expect(await statesOf('base-intel-2s', { 'nohz-full': 'isolated' }, '2-3', off2)).to.deep.equal({
      'nohz-full': 'needs-reboot',
    });
  });

  it('is in effect without being given', async () => {
    expect(await statesOf('iommu-default-passthrough', { iommu: 'pt' })).to.deep.equal({ iommu: 'ok' });
    expect(await statesOf('base-intel-2s', { threadirqs: 'set' })).to.deep.equal({ threadirqs: 'ok' });
    const quietDetector = { files: { '/proc/sys/kernel/soft_watchdog': '0\n' } };
    expect(await statesOf('base-intel-2s', { nosoftlockup: 'set' }, undefined, quietDetector)).to.deep.equal({
      nosoftlockup: 'ok',
    });
    const priority = (shown: string): RecordedOptions => ({
      files: { '/sys/module/rcutree/parameters/kthread_prio': `${shown}\n`, ...given('rcutree.kthread_prio=11') },
    });
    expect(await statesOf('base-intel-2s', { 'rcu-kthread-priority': 11 }, undefined, priority('11'))).to.deep.equal({
      'rcu-kthread-priority': 'ok',
    });
    expect(await statesOf('base-intel-2s', { 'rcu-kthread-priority': 11 }, undefined, priority('1'))).to.deep.equal({
      'rcu-kthread-priority': 'differs',
    });
  });

  const oneGiB = '/hugepages/hugepages-1048576kB/nr_hugepages';
  const pages = (total: number, ...nodes: readonly number[]): Record<string, string> => ({
    [`/sys/kernel/mm${oneGiB}`]: `${String(total)}\n`,
    ...Object.fromEntries(
      nodes.map((count, node) => [`/sys/devices/system/node/node${String(node)}${oneGiB}`, `${String(count)}\n`]),
    ),
  });
  const atBoot = (count: number, node?: number): Knobs => ({
    'hugepages-boot': { pages: [{ size: '1GiB', count, ...(node === undefined ? {} : { node }) }] },
  });
  const reservedCases: readonly (readonly [what: string, knobs: Knobs, files: Record<string, string>, state: string])[] = [
    ['reserved by node, asked for in all', atBoot(4), { ...pages(4, 2, 2), ...given('hugepagesz=1G hugepages=0:2,1:2') }, 'ok'],
    ['reserved by others while it runs', atBoot(4), pages(6, 3, 3), 'ok'],
    ['too few, not given', atBoot(4), pages(3, 3, 0), 'needs-reboot'],
    ['too few, given', atBoot(4), { ...pages(3, 3, 0), ...given('hugepagesz=1G hugepages=4') }, 'differs'],
    ['enough, on the other node', atBoot(2, 1), { ...pages(2, 2, 0), ...given('hugepagesz=1G hugepages=1:2') }, 'differs'],
    ['a size that is not there', { 'hugepages-boot': { pages: [{ size: '16MiB', count: 2 }] } }, { ...pages(0, 0, 0), ...given('hugepagesz=16M hugepages=2') }, 'differs'],
    ['the default size, by the kernel', { 'hugepages-boot': { default: '2MiB' } }, { '/proc/meminfo': 'MemTotal: 9 kB\nHugepagesize:       2048 kB\n' }, 'ok'],
    ['a default size that did not take', { 'hugepages-boot': { default: '1GiB' } }, { '/proc/meminfo': 'Hugepagesize:       2048 kB\n', ...given('default_hugepagesz=1G') }, 'differs'],
  ]; // prettier-ignore
  for (const [what, knobs, files, state] of reservedCases)
    it(`is huge pages that are there: ${what}`, async () => {
      expect(await statesOf('base-intel-2s', knobs, undefined, { files })).to.deep.equal({ 'hugepages-boot': state });
    });

  const clocks = (offered: string): Record<string, string> => ({
    '/sys/devices/system/clocksource/clocksource0/available_clocksource': `${offered}\n`,
    '/sys/devices/system/clocksource/clocksource0/current_clocksource': `${offered.split(' ')[0] ?? ''}\n`,
  });
  const clockCases: readonly (readonly [what: string, files: Record<string, string>, state: string])[] = [
    ['reliable', { ...clocks('tsc hpet'), ...given('tsc=reliable') }, 'ok'],
    ['given up, though called reliable', { ...clocks('hpet acpi_pm'), ...given('tsc=reliable') }, 'differs'],
    ['given up: a reboot would hide it', clocks('hpet acpi_pm'), 'differs'],
    ['called unstable by the command line', { ...clocks('hpet acpi_pm'), ...given('tsc=unstable') }, 'needs-reboot'],
    ['both', { ...clocks('hpet acpi_pm'), ...given('tsc=reliable tsc=unstable') }, 'needs-reboot'],
  ];
  for (const [what, files, state] of clockCases)
    it(`is a TSC that the kernel offers: ${what}`, async () => {
      expect(await statesOf('base-intel-2s', { tsc: 'reliable' }, undefined, { files })).to.deep.equal({ tsc: state });
    });

  const driver = (name: string): Record<string, string> => ({
    '/sys/devices/system/cpu/cpufreq/policy0/scaling_driver': `${name}\n`,
  });
  const amd = { '/proc/cpuinfo': 'processor\t: 0\nvendor_id\t: AuthenticAMD\nflags\t\t: fpu cppc\n' };
  const driverCases: readonly (readonly [what: string, mode: string, files: Record<string, string>, state: string])[] = [
    ['given, with another loaded', 'active', { ...driver('acpi-cpufreq'), ...given('intel_pstate=active') }, 'differs'],
    ['CPPC off in the firmware', 'guided', { ...amd, ...driver('acpi-cpufreq'), ...given('amd_pstate=guided') }, 'differs'],
    ['nothing to keep out', 'disable', {}, 'ok'],
    ['no frequencies to change', 'active', {}, 'unsupported'],
  ]; // prettier-ignore
  for (const [what, mode, files, state] of driverCases)
    it(`is the driver that is loaded: ${what}`, async () => {
      const states = await statesOf('base-intel-2s', { 'p-state-driver': mode }, undefined, { files });
      expect(states).to.deep.equal({ 'p-state-driver': state });
    });

  const shownCases: readonly (readonly [what: string, knobs: Knobs, files: Record<string, string>, state: string])[] = [
    ['idle=poll with a driver of idle states', { 'idle-loop': 'poll' }, { ...given('idle=poll'), '/sys/devices/system/cpu/cpuidle/current_driver': 'intel_idle\n' }, 'differs'],
    ['idle=poll without one', { 'idle-loop': 'poll' }, { ...given('idle=poll'), '/sys/devices/system/cpu/cpuidle/current_driver': 'none\n' }, 'ok'],
    ['idle states limited by other means', { 'idle-loop': 'shallow' }, { '/sys/module/intel_idle/parameters/max_cstate': '0\n', '/sys/module/processor/parameters/max_cstate': '1\n' }, 'ok'],
    ['mce=off with banks', { 'machine-checks': 'off' }, { ...given('mce=off'), '/sys/devices/system/machinecheck/machinecheck0/ignore_ce': '0\n' }, 'differs'],
  ]; // prettier-ignore
  for (const [what, knobs, files, state] of shownCases)
    it(`is what the kernel shows: ${what}`, async () => {
      expect(Object.values(await statesOf('base-intel-2s', knobs, undefined, { files }))).to.deep.equal([state]);
    });

  it("is AMD's IOMMU by its groups, and told what switched it off", async () => {
    const how = async (files: Record<string, string>): Promise<KnobResult | undefined> =>
      (await verified('iommu-off-in-firmware', { iommu: 'on' }, undefined, { files: { ...amd, ...files } })).get(
        'iommu',
      );
    expect(await how(groups('DMA-FQ'))).to.include({ state: 'ok', effective: 'DMA-FQ' });
    expect(await how({})).to.include({ state: 'unsupported' });
    expect((await how(given('quiet')))?.reason).to.contain('off in the firmware');
    expect((await how(given('amd_iommu=off')))?.reason).to.contain('amd_iommu=off stands on its command line');
  });

  it('is the first of two lists where the kernel shows that one', async () => {
    const contradicting = (isolated: string): Promise<Record<string, string>> =>
      statesOf('cmdline-sets-that-contradict', { isolcpus: ['domain'] }, isolated);
    expect(await contradicting('2-5')).to.deep.equal({ isolcpus: 'ok' });
    expect(await contradicting('6-7')).to.deep.equal({ isolcpus: 'needs-reboot' });
  });
});

describe('a parameter has a grammar', () => {
  const cases: readonly (readonly [have: string, want: string, merged: string])[] = [
    ['intel_iommu=on,sm_on iommu=pt', 'intel_iommu=on', 'intel_iommu=on,sm_on iommu=pt'],
    ['intel_iommu=off,sm_on', 'intel_iommu=on', 'intel_iommu=on,sm_on'],
    ['intel_iommu=igfx_off', 'intel_iommu=on', 'intel_iommu=on,igfx_off'],
    ['iommu=soft', 'iommu=pt', 'iommu=pt,soft'],
    ['iommu=nopt', 'iommu=pt', 'iommu=pt'],
    ['iommu=off', 'iommu=pt', 'iommu=pt'],
    ['hugepages=512 ro', 'default_hugepagesz=1G', 'hugepagesz=2M hugepages=512 ro default_hugepagesz=1G'],
    ['default_hugepagesz=2M hugepages=9', 'default_hugepagesz=1G', 'default_hugepagesz=1G hugepagesz=2M hugepages=9'],
    ['hugepagesz=1G hugepages=1:2,0:4', 'hugepagesz=1G hugepages=0:4,1:2', 'hugepagesz=1G hugepages=1:2,0:4'],
    ['tsc=reliable pvm tsc=unstable', 'tsc=reliable', 'tsc=reliable pvm'],
    ['tsc=nowatchdog', 'tsc=reliable', 'tsc=reliable tsc=nowatchdog'],
    ['tsc=unstable', 'tsc=nowatchdog', 'tsc=nowatchdog'],
    ['intel_pstate=active intel_pstate=no_hwp', 'intel_pstate=disable', 'intel_pstate=disable intel_pstate=no_hwp'],
    ['isolcpus=domain,managed_irq,2,3', 'isolcpus=managed_irq,domain,2-3', 'isolcpus=domain,managed_irq,2,3'],
    ['isolcpus=nohz,2-3', 'isolcpus=managed_irq,domain,2-3', 'isolcpus=managed_irq,domain,nohz,2-3'],
    ['isolcpus=2-5 isolcpus=6-7', 'isolcpus=domain,2-5', 'isolcpus=domain,2-5'],
    ['rcu_nocbs=all', 'rcu_nocbs=2-3', 'rcu_nocbs=all'],
    ['nohz_full=2,3,4', 'nohz_full=2-4', 'nohz_full=2,3,4'],
    ['hugepagesz=1G hugepages=2 hugepagesz=1GB hugepages=8', 'hugepagesz=1G hugepages=8', 'hugepagesz=1G hugepages=8'],
    [
      'hugepages=8 default_hugepagesz=1G',
      'hugepagesz=1G hugepages=4',
      'hugepagesz=1G hugepages=4 default_hugepagesz=1G',
    ],
    ['hugepages=512', 'hugepagesz=2M hugepages=1024', 'hugepagesz=2M hugepages=1024'],
    ['rcupdate.rcu_normal_after_boot=Y', 'rcupdate.rcu_normal_after_boot=1', 'rcupdate.rcu_normal_after_boot=Y'],
    ['audit=off nosoftlockup=1', 'audit=0 nosoftlockup', 'audit=off nosoftlockup=1'],
    ['ro -- isolcpus=9', 'isolcpus=2', 'ro isolcpus=2 -- isolcpus=9'],
  ];
  for (const [have, want, merged] of cases)
    it(`${have} + ${want}`, () => {
      const wanted = want.split(/ (?!hugepages=)/);
      expect(mergeCmdline(have, wanted)).to.equal(merged);
      expect(missingParameters(merged, wanted)).to.deep.equal([]);
      if (have !== merged) expect(missingParameters(have, wanted)).to.not.deep.equal([]);
    });
});
