import { expect } from 'chai';
import { applyTuning, type AppliedTuning } from '../../../lib/tuning/engine.js';
import { tuningOf } from '../machine.js';
import type { LabMachine } from './lab-machine.js';
import { differences, snapshotOf } from './snapshot.js';

type Knobs = NonNullable<Parameters<typeof tuningOf>[0]['knobs']>;

/** What each knob does, seen by other means than the knob's own reading. */
export const effectsOfKnobs = (lab: () => LabMachine): void => {
  const text = (script: string, ...values: readonly string[]): Promise<string> => lab().text(script, ...values);

  /** Looks before, with the knobs applied, and after they were put back; then nothing at all may differ. */
  const around = async (knobs: Knobs, look: () => Promise<string>, isolated = '2-3'): Promise<readonly string[]> => {
    const { host } = lab();
    const whole = await snapshotOf(host);
    const before = await look();
    const tuning = await tuningOf({ profile: 'none', with: { isolated_cpus: isolated }, knobs });
    const applied: AppliedTuning = await applyTuning(host, 'test-effect', tuning);
    let during: string;
    try {
      const wrong = applied.results.filter(({ state }) => state !== 'ok');
      expect(wrong, JSON.stringify(wrong)).to.deep.equal([]);
      during = await look();
    } finally {
      expect((await applied.restore()).complete).to.equal(true);
    }
    const after = await look();
    expect(differences(whole, await snapshotOf(host))).to.deep.equal([]);
    return [before, during, after];
  };

  it('gives each node the huge pages asked for, which the node counts itself', async () => {
    const knobs = { hugepages: [{ size: '2MiB', count: 24, node: 0 }, { size: '2MiB', count: 50, node: 1 }] }; // prettier-ignore
    const seen = await around(knobs, () =>
      text(
        `for n in 0 1; do awk '/HugePages_Total/ { print $4 }' /sys/devices/system/node/node$n/meminfo; done | xargs`,
      ),
    );
    expect(seen).to.deep.equal(['32 32', '24 50', '32 32']);
  });

  it('moves interrupts: they are counted on the housekeeping CPUs from then on', async () => {
    // On housekeeping and on isolated CPUs, while the network device answers us.
    const counted = (): Promise<string> =>
      text(`
        count() { awk '/virtio3|mgmt0|virtio2-(in|out)put/ { a += $2; b += $3; c += $4; d += $5 } END { print a + b, c + d }' /proc/interrupts; }
        set -- $(count); for i in 1 2 3 4 5 6 7 8; do ping -c 20 -i 0.01 -W 1 10.0.2.2 >/dev/null 2>&1 || :; done; set -- "$1" "$2" $(count)
        echo "$(($3 - $1)) $(($4 - $2))"`);
    const [, during = ''] = await around({ 'irq-affinity': 'housekeeping' }, counted);
    const [housekeeping = 0, isolated = 0] = during.split(' ').map(Number);
    expect(housekeeping, during).to.be.above(20);
    // An interrupt that was underway when the mask changed may still arrive.
    expect(isolated, during).to.be.at.most(2);
  });

  it('raises the kernel threads of the isolated CPUs, and no others', async () => {
    const look = (): Promise<string> =>
      text(`for n in 0 1 2 3; do chrt -p $(pgrep -x ksoftirqd/$n) | sed -n '1,2 s/.*: //p'; done | xargs`);
    expect(await around({ 'kthread-priorities': { ksoftirqd: 2 } }, look)).to.deep.equal([
      'SCHED_OTHER 0 SCHED_OTHER 0 SCHED_OTHER 0 SCHED_OTHER 0',
      'SCHED_OTHER 0 SCHED_OTHER 0 SCHED_FIFO 2 SCHED_FIFO 2',
      'SCHED_OTHER 0 SCHED_OTHER 0 SCHED_OTHER 0 SCHED_OTHER 0',
    ]);
  });

  it('lifts the limit on real-time tasks', async () => {
    const look = (): Promise<string> => text('sysctl -n kernel.sched_rt_runtime_us kernel.sched_rt_period_us | xargs');
    expect(await around({ 'rt-throttling': 'off' }, look)).to.deep.equal([
      '950000 1000000',
      '-1 1000000',
      '950000 1000000',
    ]);
  });

  it('takes one thread of each core offline, and brings it back', async () => {
    const seen = await around(
      { smt: 'off' },
      () => text('nproc --all; nproc; cat /sys/devices/system/cpu/smt/active'),
      '2',
    );
    expect(seen.map((part) => part.replaceAll('\n', ' '))).to.deep.equal(['4 4 1', '4 2 0', '4 4 1']);
  });

  it('brings an interrupt back to the CPU that was taken offline, and to that one alone', async () => {
    const number = await text(`awk -F: '/virtio2-config/ { print $1 + 0; exit }' /proc/interrupts`);
    const mask = `/proc/irq/${number}/smp_affinity_list`;
    const old = await text('cat "$1"', mask);
    await text('echo 3 > "$1"', mask);
    try {
      expect(await around({ smt: 'off' }, () => text('cat "$1"', mask), '2')).to.deep.equal(['3', '0', '3']);
    } finally {
      await text('echo "$2" > "$1"', mask, old);
    }
  });

  it('keeps unbound kernel work off the isolated CPUs', async () => {
    const look = (): Promise<string> =>
      text('cat /sys/devices/virtual/workqueue/cpumask /sys/devices/virtual/workqueue/writeback/cpumask | xargs');
    expect(await around({ 'workqueue-affinity': 'housekeeping' }, look)).to.deep.equal(['f f', '3 3', 'f f']);
  });

  it('isolates CPUs without a reboot: a new task does not run there', async () => {
    const look = (): Promise<string> =>
      text(`awk '/^Cpus_allowed_list/ { print $2 }' /proc/self/status; cat /sys/fs/cgroup/cpuset.cpus.isolated`);
    const seen = await around({ 'cpuset-partition': 'isolated' }, look);
    expect(seen.map((part) => part.replaceAll('\n', ' '))).to.deep.equal(['0-3', '0-1 2-3', '0-3']);
  });

  it('stops transparent huge pages and page merging', async () => {
    const thp = '/sys/kernel/mm/transparent_hugepage/enabled';
    const look = (): Promise<string> => text(`grep -o '\\[.*\\]' ${thp}; cat /sys/kernel/mm/ksm/run`);
    const seen = await around({ 'transparent-hugepages': 'never', ksm: 2 }, look);
    expect(seen.map((part) => part.replaceAll('\n', ' '))).to.deep.equal(['[always] 0', '[never] 2', '[always] 0']);
  });

  it('sets rings, offloads and steering of a network port', async () => {
    const knobs = {
      'network-rings': { ens102: { rx: 512, tx: 1024 } },
      'network-offloads': { ens102: { gro: 'off', tso: 'off' } },
      'network-rps': { ens102: 'housekeeping' },
    };
    const look = (): Promise<string> =>
      text(`
        ethtool -g ens102 | sed -n '/^Current/,$ s/^[RT]X:[[:space:]]*//p'
        ethtool -k ens102 | awk '/^(generic-receive|tcp-segmentation)-offload/ { print $2 }'
        cat /sys/class/net/ens102/queues/rx-0/rps_cpus`);
    const seen = (await around(knobs, look)).map((part) => part.replaceAll('\n', ' '));
    expect(seen[1]).to.match(/^512 1024 off off 3$/);
    expect([seen[0], seen[2]]).to.deep.equal(['256 256 on on 0', '256 256 on on 0']);
  });

  it('takes a device from its driver and gives it back', async () => {
    const device = await text('basename $(readlink /sys/class/net/ens102/device)');
    const override = (driver: string): Promise<string> =>
      text('echo "$2" >/sys/bus/pci/devices/"$1"/driver_override', device, driver);
    const look = (): Promise<string> =>
      text(
        'basename "$(readlink /sys/bus/pci/devices/"$1"/driver || echo none)"; ls /sys/class/net | grep -c ens; cat /sys/bus/pci/devices/"$1"/driver_override',
        device,
      );
    // As driverctl keeps it.
    await override('igb');
    try {
      const seen = await around({ 'device-driver': { [device]: 'none' } }, look);
      expect(seen.map((part) => part.replaceAll('\n', ' '))).to.deep.equal(['igb 2 igb', 'none 1 igb', 'igb 2 igb']);
    } finally {
      await override('');
    }
  });
};

/** The whole profile, as `kvm4nfv tune` applies it. */
export const wholeProfile = (lab: () => LabMachine): void => {
  it('applies, verifies and puts back realtime-host: what needs a reboot is told, nothing else differs', async () => {
    const { host } = lab();
    const before = await snapshotOf(host);
    const applied = await applyTuning(
      host,
      'test-profile',
      await tuningOf({ profile: 'realtime-host', with: { isolated_cpus: '2-3' } }),
    );
    const states = (results: AppliedTuning['results']): readonly string[] =>
      results.map(({ knob, state }) => `${knob} ${state}`);
    try {
      expect(applied.results.filter(({ state }) => state === 'differs')).to.deep.equal([]);
      expect(states(applied.results)).to.include.members([
        'isolcpus needs-reboot',
        'irq-affinity ok',
        'rt-throttling ok',
        'iommu ok',
      ]);
      expect(states(await applied.verify())).to.deep.equal(states(applied.results));
    } finally {
      const { places } = await applied.restore();
      expect(places.filter(({ fate }) => fate === 'failed' || fate === 'foreign')).to.deep.equal([]);
    }
    expect(differences(before, await snapshotOf(host))).to.deep.equal([]);
  });
};
