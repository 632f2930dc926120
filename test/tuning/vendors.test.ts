import { expect } from 'chai';
import type { SimulatedHost } from '../../lib/host/simulated.js';
import { applyTuning, planTuning } from '../../lib/tuning/engine.js';
import type { KnobResult } from '../../lib/tuning/judge.js';
import { tuningOf } from './machine.js';
import { filesOf, recordedMachine, verified } from './recorded.js';

const added = async (machine: string, profile: string, isolated: string): Promise<readonly string[]> => {
  const { host } = recordedMachine(machine);
  const plan = await planTuning(host, await tuningOf({ profile, with: { isolated_cpus: isolated } }));
  return plan.commandLine?.diff.added ?? [];
};

describe('an EPYC of four nodes a socket', () => {
  const root = '/sys/fs/resctrl';
  const machine = (caches: Readonly<Record<string, string>> = {}): ReturnType<typeof recordedMachine> => {
    const write = (path: string) => (text: string, host: SimulatedHost) => {
      const lines = new Map((host.files.get(path) ?? '').trim().split('\n').map((each) => [each.trim().split(':')[0], each.trim()])); // prettier-ignore
      for (const each of text.trim().split('\n')) lines.set(each.trim().split(':')[0], each.trim());
      host.files.set(path, `${[...lines.values()].map((each) => `    ${each}`).join('\n')}\n`);
    };
    return recordedMachine('amd-epyc-nps4', {
      files: caches,
      commands: { findmnt: () => 'resctrl\n' },
      directories: {
        [`${root}/kvm4nfv`]: { cpus_list: '\n', schemata: filesOf('amd-epyc-nps4')[`${root}/schemata`] ?? '' },
      },
      writes: Object.fromEntries([`${root}/schemata`, `${root}/kvm4nfv/schemata`].map((path) => [path, write(path)])),
    });
  };
  /** Sixteen caches of eight CPUs. */
  const caches = Object.fromEntries(
    Array.from({ length: 128 }, (_, cpu) => [
      `/sys/devices/system/cpu/cpu${String(cpu)}/cache/index3/id`,
      `${String(Math.floor(cpu / 8))}\n`,
    ]),
  );
  const allocation = async (own: ReturnType<typeof recordedMachine>, others_bandwidth: unknown) =>
    applyTuning(
      own.host,
      'run-1',
      await tuningOf({
        profile: 'none',
        with: { isolated_cpus: '4-15' },
        knobs: { 'cache-allocation': { ways: 4, others_bandwidth } as never },
      }),
    );

  it('is given no percent for its eighths of a GB/s', async () => {
    const own = machine();
    const { results } = await allocation(own, 50);
    expect(results[0]?.state).to.equal('unsupported');
    expect(results[0]?.reason).to.contain('gigabytes_per_second');
    expect(own.host.files.get(`${root}/schemata`)).to.contain('MB:0=2048;1=2048;');
  });

  it('gives its ways and bandwidth only in caches that isolated CPUs are below', async () => {
    const own = machine(caches);
    const before = own.host.files.get(`${root}/schemata`);
    const applied = await allocation(own, { gigabytes_per_second: 20 });
    expect(applied.results[0]?.state).to.equal('ok');
    const shown = own.host.files.get(`${root}/schemata`);
    expect(shown).to.contain('L3:0=fff0;1=fff0;2=ffff;').and.to.contain('MB:0=160;1=160;2=2048;');
    expect(own.host.files.get(`${root}/kvm4nfv/schemata`)).to.contain('L3:0=f;1=f;2=ffff;');
    await applied.restore();
    expect(own.host.files.get(`${root}/schemata`)).to.equal(before);
  });

  it('has masks of 128 CPUs', async () => {
    const own = machine();
    const applied = await applyTuning(
      own.host,
      'run-1',
      await tuningOf({
        profile: 'none',
        with: { isolated_cpus: '4-15' },
        knobs: { 'irq-affinity': 'housekeeping', 'workqueue-affinity': 'housekeeping' },
      }),
    );
    expect(own.host.files.get('/proc/irq/default_smp_affinity')?.trim()).to.equal(
      'ffffffff,ffffffff,ffffffff,ffff000f',
    );
    expect(applied.results.map(({ state }) => state)).to.deep.equal(['ok', 'ok']);
    await applied.restore();
  });
});

describe('an arm64 host', () => {
  for (const profile of ['realtime-host', 'kvm4nfv'])
    it(`is not asked for parameters of x86 by ${profile}`, async () => {
      const parameters = await added('arm64-altra-bare', profile, '2-7');
      expect(parameters.filter((each) => /^(?:tsc|mce|idle|intel_|amd_|processor\.)/.test(each))).to.deep.equal([]);
      expect(parameters).to.include('nohz_full=2-7');
    });

  it('is told that what it was booted with means nothing to it', async () => {
    for (const knobs of [{ tsc: 'reliable' }, { 'machine-checks': 'off' }]) {
      const result = await verified('arm64-booted-with-all-x86-parameters', knobs, {}, '2-7');
      expect(result?.state, JSON.stringify(knobs)).to.equal('unsupported');
    }
  });

  it('has huge pages of 512 MiB', async () => {
    const result = await verified('arm64-altra-bare', { hugepages: [{ size: '512MiB', count: 0 }] }, {}, '2-7');
    expect(result?.state).to.equal('ok');
  });
});

describe('the driver of the P-states', () => {
  const policy = '/sys/devices/system/cpu/cpufreq/policy0';
  const cases = [
    ['acpi-cpufreq, nothing given', 'disable', { [`${policy}/scaling_driver`]: 'acpi-cpufreq\n' }, 'ok'],
    ['acpi-cpufreq, intel_pstate off', 'disable', { [`${policy}/scaling_driver`]: 'acpi-cpufreq\n', '/sys/devices/system/cpu/intel_pstate/status': 'off\n' }, 'ok'],
    ['intel_pstate, to be kept out', 'disable', { [`${policy}/scaling_driver`]: 'intel_pstate\n' }, 'needs-reboot'],
    ['intel_cpufreq is intel_pstate as well', 'disable', { [`${policy}/scaling_driver`]: 'intel_cpufreq\n' }, 'needs-reboot'],
    ['intel_pstate active, as OpenShift has it', 'active', { [`${policy}/scaling_driver`]: 'intel_pstate\n' }, 'ok'],
    ['intel_pstate passive where active is asked for', 'active', { [`${policy}/scaling_driver`]: 'intel_cpufreq\n' }, 'needs-reboot'],
    ['recommended without HWP', 'recommended', { [`${policy}/scaling_driver`]: 'intel_pstate\n' }, 'needs-reboot'],
    ['recommended with HWP', 'recommended', { [`${policy}/scaling_driver`]: 'intel_pstate\n', '/proc/cpuinfo': 'processor\t: 0\nvendor_id\t: GenuineIntel\nflags\t\t: fpu hwp\n' }, 'ok'],
    ['guided on Intel', 'guided', { [`${policy}/scaling_driver`]: 'intel_pstate\n' }, 'unsupported'],
  ] as const; // prettier-ignore
  for (const [what, mode, files, state] of cases)
    it(`is read, not guessed: ${what}`, async () => {
      expect((await verified('base-intel-2s', { 'p-state-driver': mode }, { files }))?.state).to.equal(state);
    });

  it("is AMD's by its status", async () => {
    const files = (status: string): Record<string, string> => ({
      [`${policy}/scaling_driver`]: 'amd-pstate\n',
      '/sys/devices/system/cpu/amd_pstate/status': `${status}\n`,
      '/proc/cpuinfo': 'processor\t: 0\nvendor_id\t: AuthenticAMD\nflags\t\t: fpu cppc\n',
    });
    const state = async (mode: string, status: string): Promise<string | undefined> =>
      (await verified('base-intel-2s', { 'p-state-driver': mode }, { files: files(status) }))?.state;
    expect([await state('guided', 'guided'), await state('guided', 'passive'), await state('recommended', 'guided')]).to.deep.equal(['ok', 'needs-reboot', 'ok']); // prettier-ignore
  });
});

describe('idle states', () => {
  const states = (cpu: number, ...all: readonly (readonly [name: string, latency: number])[]): Record<string, string> =>
    Object.fromEntries(
      all.flatMap(([name, latency], index) => {
        const at = `/sys/devices/system/cpu/cpu${String(cpu)}/cpuidle/state${String(index)}`;
        return [[`${at}/name`, `${name}\n`], [`${at}/latency`, `${String(latency)}\n`], [`${at}/disable`, '0\n']]; // prettier-ignore
      }),
    );
  const disabled = (result: KnobResult | undefined): string[] =>
    (result?.items ?? []).filter(({ requested }) => requested === '1').map(({ label }) => label);

  it('are limited by name: C1 stays where it costs 2 us and where it costs 1 us', async () => {
    for (const cost of [1, 2]) {
      const files = states(2, ['POLL', 0], ['C1', cost], ['C1E', 10], ['C6', 133]);
      const result = await verified('base-intel-2s', { 'c-states': 'C1' }, { files }, '2');
      expect(disabled(result)).to.deep.equal(['CPU 2 C1E (state2), 10 us', 'CPU 2 C6 (state3), 133 us']);
    }
  });

  it('are limited by what they cost on each kind of CPU of a hybrid', async () => {
    const result = await verified('hybrid-p-and-e-cores', { 'c-states': 'C1' }, {}, '2-5');
    expect(disabled(result)).to.deep.equal([
      'CPU 2 C2_ACPI (state2), 127 us',
      'CPU 3 C2_ACPI (state2), 127 us',
      'CPU 4 state2, 253 us',
      'CPU 5 state2, 253 us',
    ]);
  });

  it('of arm64 are limited to the shallowest that sleeps', async () => {
    const files = states(2, ['WFI', 1], ['LPI-1', 500]);
    const result = await verified('arm64-altra-bare', { 'c-states': 'C1' }, { files }, '2');
    expect(disabled(result)).to.deep.equal(['CPU 2 LPI-1 (state1), 500 us']);
  });
});

describe('the fair server', () => {
  const runtime = (cpu: number): string => `/sys/kernel/debug/sched/fair_server/cpu${String(cpu)}/runtime`;
  const debugfs = { '/proc/filesystems': 'nodev\tdebugfs\n' };

  it('is off on the isolated CPUs alone, and as it was afterwards', async () => {
    const { host } = recordedMachine('fair-server-6.12');
    const tuning = await tuningOf({ profile: 'none', with: { isolated_cpus: '2-3' }, knobs: { 'fair-server': 'off' } });
    const applied = await applyTuning(host, 'run-1', tuning);
    expect(applied.results[0]?.state).to.equal('ok');
    expect([1, 2, 3, 4].map((cpu) => host.files.get(runtime(cpu))?.trim())).to.deep.equal([
      '50000000',
      '0',
      '0',
      '50000000',
    ]);
    await applied.restore();
    expect([2, 3].map((cpu) => host.files.get(runtime(cpu))?.trim())).to.deep.equal(['50000000', '50000000']);
  });

  it('differs where rt-throttling alone is off', async () => {
    const result = await verified('fair-server-6.12', { 'fair-server': 'off' });
    expect(result?.state).to.equal('differs');
  });

  it('is told where debugfs is locked down, and where the kernel has none', async () => {
    const locked = await verified('fair-server-6.12', { 'fair-server': 'off' }, { files: { [runtime(2)]: '\n', [runtime(3)]: '\n' } }); // prettier-ignore
    expect(locked?.state).to.equal('unsupported');
    expect(locked?.reason).to.contain('locked down');
    const old = await verified('arm64-altra-bare', { 'fair-server': 'off' }, { files: debugfs });
    expect(old?.state).to.equal('unsupported');
    expect(old?.reason).to.contain('rt-throttling is all it takes');
  });
});
