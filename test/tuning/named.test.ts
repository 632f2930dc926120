import { expect } from 'chai';
import { applyTuning, assertEffective, verifyTuning } from '../../lib/tuning/engine.js';
import { isEffective, type KnobResult } from '../../lib/tuning/judge.js';
import { tuningOf } from './machine.js';
import { filesOf, recordedMachine, type RecordedOptions } from './recorded.js';

const one = async (
  knobs: Record<string, unknown>,
  options: RecordedOptions = {},
  machine = 'base-intel-2s',
): Promise<KnobResult> => {
  const { host } = recordedMachine(machine, options);
  const before = new Map(host.files);
  const tuning = await tuningOf({ profile: 'none', with: { isolated_cpus: '2-3' }, knobs: knobs as never });
  const applied = await applyTuning(host, 'run-1', tuning);
  const [result] = applied.results;
  await applied.restore();
  const trees = [host.files, before].map((files) => [...files].map(([path, text]) => [path, text.trim()]));
  expect(Object.fromEntries(trees[0] ?? [])).to.deep.equal(Object.fromEntries(trees[1] ?? []));
  if (result === undefined) throw new Error('no result');
  return result;
};

const pages = (node: number, kB: number): string =>
  `/sys/devices/system/node/node${String(node)}/hugepages/hugepages-${String(kB)}kB/nr_hugepages`;
const unstable = {
  '/sys/devices/system/clocksource/clocksource0/available_clocksource': 'hpet acpi_pm\n',
  '/sys/devices/system/clocksource/clocksource0/current_clocksource': 'hpet\n',
};

/** What a user may name, what the machine has, what the knob then is, and a word of its reason. */
const cases: readonly (readonly [what: string, knobs: Record<string, unknown>, options: RecordedOptions, state: 'differs' | 'unsupported', told: string])[] = [
  ['huge pages of a node that is not there, beside one that is', { hugepages: [{ size: '1GiB', count: 2, node: 0 }, { size: '1GiB', count: 8, node: 3 }] }, { files: { [pages(0, 1048576)]: '0\n', [pages(1, 1048576)]: '0\n' } }, 'differs', 'there is no node 3; there are 0, 1'],
  ['huge pages of a size that the processor lacks', { hugepages: [{ size: '1GiB', count: 2, node: 0 }] }, { files: { [pages(0, 2048)]: '0\n' } }, 'unsupported', 'there are 2MiB'],
  ['huge pages of a node that is not there, at boot', { 'hugepages-boot': { pages: [{ size: '1GiB', count: 2, node: 5 }] } }, {}, 'differs', 'there is no node 5'],
  ['a PCI address with a slip', { 'device-driver': { '0000:3b:00.1': 'vfio-pci', '0000:3b:00.2': 'vfio-pci' } }, { files: { '/sys/bus/pci/devices/0000:3b:00.1/vendor': '0x8086\n', '/sys/bus/pci/devices/0000:3b:00.1/driver': '../../bus/pci/drivers/vfio-pci' } }, 'differs', '0000:3b:00.2'],
  ['a network device with a slip, for RPS', { 'network-rps': { ens1f9: 'housekeeping' } }, {}, 'differs', 'there is no network device ens1f9'],
  ['a network device with a slip, for XPS', { 'network-xps': { ens1f9: 'housekeeping' } }, {}, 'differs', 'ens1f9'],
  ['a network device with a slip, for ethtool', { 'network-queues': { ens1f9: { combined: 2 } } }, { commands: { ethtool: () => ({ exitCode: 1, stderr: 'netlink error: No such device\n' }) } }, 'differs', 'there is no network device ens1f9'],
  ['a device whose driver lacks the setting', { 'network-queues': { ens1f0: { combined: 2 } } }, { files: { '/sys/class/net/ens1f0/mtu': '1500\n' }, commands: { ethtool: () => ({ exitCode: 75 }) } }, 'unsupported', 'tells nothing'],
  ['an interrupt that nobody has', { 'irq-affinity': { devices: [{ match: 'ens1f9', cpus: 'isolated' }] } }, {}, 'differs', 'ens1f9: no interrupt has this name'],
  ['an interrupt thread that nobody has', { 'irq-thread-priority': [{ match: 'vfioo', priority: 85 }] }, {}, 'differs', 'vfioo'],
  ['kernel threads that this kernel lacks', { 'kthread-priorities': { ksoftirqd: 2, rcuc: 4 } }, { commands: { chrt: () => '' } }, 'differs', 'rcuc: this kernel has no such threads'],
  ['a partition on a host with cgroup v1', { 'cpuset-partition': 'isolated' }, {}, 'unsupported', 'no cgroup v2'],
  ['turbo where there is no switch', { turbo: false }, {}, 'unsupported', 'nothing of the sort'],
  ['a governor in a guest, which has no frequencies', { governor: 'performance' }, {}, 'unsupported', 'nothing of the sort'],
  ['a TSC that the kernel gave up', { clocksource: 'tsc' }, { files: unstable }, 'differs', 'unstable'],
  ['a file that a container hides', { 'rt-throttling': 'off' }, { without: ['/proc/sys/kernel/sched_rt_runtime_us'] }, 'unsupported', 'is not there'],
  ['one setting of the scheduler of another kernel, beside one of this', { scheduler: { min_granularity_ns: 3_000_000, base_slice_ns: 3_000_000 } }, { files: { '/sys/kernel/debug/sched/base_slice_ns': '2800000\n' } }, 'unsupported', 'min_granularity_ns'],
  ['no tick with a kernel that always ticks', { 'nohz-full': 'isolated' }, { without: ['/sys/devices/system/cpu/nohz_full'] }, 'unsupported', 'CONFIG_NO_HZ_FULL'],
  ['an idle state that no CPU has', { 'c-states': 'C7' }, { files: { '/sys/devices/system/cpu/cpu2/cpuidle/state1/latency': '2\n', '/sys/devices/system/cpu/cpu2/cpuidle/state1/name': 'C1\n' } }, 'differs', 'it has C1 2 us'],
  ['an SELinux that is not there', { 'selinux-avc-threshold': 8192 }, {}, 'unsupported', 'nothing of the sort'],
  ['stalld that is not installed', { stalld: 'running' }, { commands: { systemctl: () => ({ exitCode: 1 }) } }, 'unsupported', 'stalld is not installed'],
]; // prettier-ignore

describe('what the user named', () => {
  for (const [what, knobs, options, state, told] of cases)
    it(`can't be absent: ${what}`, async () => {
      const result = await one(knobs, options);
      expect(result.reason).to.contain(told);
      expect([state, 'differs']).to.include(result.state);
      expect(result.state).to.not.equal('ok');
      expect(isEffective(result)).to.equal(false);
      const { host } = recordedMachine('base-intel-2s');
      expect(() => {
        assertEffective(host, [result]);
      }).to.throw(told);
    });

  it('is forgiven where only a profile asked for it, and told', async () => {
    const { host } = recordedMachine('base-intel-2s');
    const tuning = await tuningOf({ profile: 'realtime-host', with: { isolated_cpus: '2-3' } });
    const results = await verifyTuning(host, tuning);
    const of = (name: string): KnobResult | undefined => results.find(({ knob }) => knob === name);
    expect(of('governor')).to.include({ state: 'absent', reason: 'this machine has nothing of the sort' });
    expect(of('kthread-priorities')?.reason).to.contain('rcuc: this kernel has no such threads');
    expect(isEffective(of('governor')!)).to.equal(true);
  });

  it('is not forgiven a TSC given up, whoever asked for it: every clock reading costs a microsecond', async () => {
    const { host } = recordedMachine('tsc-unstable-hpet');
    const results = await verifyTuning(host, await tuningOf({ profile: 'latency' }));
    const clock = results.find(({ knob }) => knob === 'clocksource');
    expect(clock?.state).to.equal('differs');
    expect(clock?.reason).to.contain('reads hpet').and.to.contain('acpi_pm');
    const guest = recordedMachine('hyperv-guest-clock');
    const seen = await verifyTuning(guest.host, await tuningOf({ profile: 'latency' }));
    expect(isEffective(seen.find(({ knob }) => knob === 'clocksource')!)).to.equal(true);
  });
});

describe('cache allocation that would not be what it says', () => {
  const root = '/sys/fs/resctrl';
  const mounted = { commands: { findmnt: () => 'resctrl\n' } };
  const own = (machine: string): RecordedOptions => ({
    ...mounted,
    directories: { [`${root}/kvm4nfv`]: { cpus_list: '\n', schemata: filesOf(machine)[`${root}/schemata`] ?? '' } },
  });

  it('is refused with CDP, with the reason', async () => {
    const result = await one({ 'cache-allocation': { ways: 4 } }, mounted, 'resctrl-cdp');
    expect(result.state).to.equal('unsupported');
    expect(result.reason).to.contain('cdp');
    expect(isEffective(result)).to.equal(false);
  });

  it('is told where another group may fill the same ways', async () => {
    const result = await one({ 'cache-allocation': { ways: 4 } }, own('resctrl-other-group'), 'resctrl-other-group');
    expect(result.reason).to.contain('CPUs 4-5 and 1 tasks of /sys/fs/resctrl/COS1');
    expect(isEffective(result)).to.equal(false);
  });

  it('takes no CPU out of the group of somebody else', async () => {
    const files = { [`${root}/COS1/cpus_list`]: '2-5\n' };
    const result = await one({ 'cache-allocation': { ways: 4 } }, { ...mounted, files }, 'resctrl-other-group');
    expect(result.state).to.equal('differs');
    expect(result.reason).to.contain('CPUs 2-3 are of /sys/fs/resctrl/COS1');
  });

  it('is unsupported without CAT', async () => {
    const result = await one(
      { 'cache-allocation': { ways: 4 } },
      { files: { '/proc/filesystems': 'nodev\thugetlbfs\n' } },
    );
    expect(result.state).to.equal('unsupported');
    expect(isEffective(result)).to.equal(false);
  });
});
