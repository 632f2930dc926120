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
