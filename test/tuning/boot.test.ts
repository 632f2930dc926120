import { expect } from 'chai';
import { applyTuning, assertEffective, planTuning } from '../../lib/tuning/engine.js';
import { mergeCmdline } from '../../lib/tuning/cmdline.js';
import type { ExternalCommandLine } from '../../lib/tuning/bootloader.js';
import { dropLease } from '../../lib/tuning/lease.js';
import { sourcedLine } from './grub-files.js';
import { simulatedServer, treeOf, tuningOf, type Machine } from './machine.js';

const defaults = 'GRUB_DEFAULT=0\nGRUB_CMDLINE_LINUX_DEFAULT="quiet"\nGRUB_CMDLINE_LINUX="isolcpus=7"\n';
const dropIn = '/etc/default/grub.d/zz-kvm4nfv.cfg';
const bootId = '/proc/sys/kernel/random/boot_id';

/** A machine that boots with what its GRUB configuration said at the last update-grub. */
const bootable = (): { machine: Machine; boot: () => Promise<void> } => {
  let configured = sourcedLine(new Map([['/etc/default/grub', defaults]]));
  let boots = 1;
  const machine: Machine = simulatedServer({
    files: { '/etc/default/grub': defaults, '/etc/default/grub.d/README': '', '/usr/sbin/update-grub': '' },
    commands: {
      '/usr/sbin/update-grub': () => {
        configured = sourcedLine(machine.host.files);
        return '';
      },
      cat: ([, path = '']) => machine.host.files.get(path) ?? '',
    },
  });
  const boot = (): Promise<void> => {
    boots++;
    const isolated = /isolcpus=(?:[a-z_]+,)*([\d,-]+)/.exec(configured)?.[1] ?? '';
    machine.host.files
      .set(bootId, `boot-${String(boots)}\n`)
      .set('/proc/cmdline', `BOOT_IMAGE=/vmlinuz root=/dev/vda ro ${configured}\n`)
      .set('/sys/devices/system/cpu/isolated', `${isolated}\n`)
      .set('/proc/sys/vm/stat_interval', '1\n');
    return Promise.resolve();
  };
  return { machine, boot };
};
/** A machine whose command line stands outside of it. */
const fromOutside = ({
  host,
}: Machine): { commandLine: ExternalCommandLine; line: () => string; boots: () => number } => {
  let line = 'console=ttyS0';
  let boots = 0;
  return {
    line: () => line,
    boots: () => boots,
    commandLine: {
      configured: () => Promise.resolve(line),
      set: (text) => {
        line = text;
        return Promise.resolve();
      },
      reboot: () => {
        boots++;
        host.files.set(bootId, `boot-${String(boots)}\n`).set('/proc/cmdline', `${line}\n`);
        return Promise.resolve();
      },
    },
  };
};
const knobs = { isolcpus: ['domain'], 'skew-tick': 1, 'stat-interval': 10 };

describe('knobs that need a reboot', function () {
  this.timeout(30_000);

  it('go into the boot loader, take effect with one reboot, and are taken back with another', async () => {
    const { machine, boot } = bootable();
    await boot();
    const tuning = await tuningOf({ profile: 'none', with: { isolated_cpus: '2-3' }, knobs });
    const plan = await planTuning(machine.host, tuning);
    expect(plan.commandLine).to.deep.include({
      bootloader: 'grub',
      before: 'isolcpus=7 quiet',
      after: 'isolcpus=domain,2-3 quiet skew_tick=1',
    });
    const before = treeOf(machine);
    const applied = await applyTuning(machine.host, 'run-1', tuning, { reboot: true, rebootOptions: { start: boot } });
    assertEffective(machine.host, applied.results);
    expect(machine.host.files.get('/proc/cmdline')).to.contain('isolcpus=domain,2-3 quiet skew_tick=1');
    expect(machine.host.files.get('/proc/sys/vm/stat_interval')).to.equal('10\n');
    const report = await applied.restore();
    expect(report).to.include({ complete: true, needsReboot: false });
    machine.host.files.set(bootId, before[bootId] ?? '');
    expect(treeOf(machine)).to.deep.equal(before);
  });

  it('stop the run where no reboot is allowed', async () => {
    const { machine, boot } = bootable();
    await boot();
    const applied = await applyTuning(
      machine.host,
      'run-1',
      await tuningOf({ profile: 'none', with: { isolated_cpus: '2-3' }, knobs }),
    );
    expect(applied.results.map(({ knob, state }) => [knob, state])).to.deep.include.members([
      ['isolcpus', 'needs-reboot'],
      ['stat-interval', 'ok'],
    ]);
    expect(() => {
      assertEffective(machine.host, applied.results);
    })
      .to.throw('not in effect')
      .with.property('fault', 'environment');
    await applied.restore();
    expect(machine.host.files.has(dropIn)).to.equal(false);
  });

  it('go where a guest is booted from outside keeps its command line', async () => {
    const { machine } = bootable();
    const { commandLine, line } = fromOutside(machine);
    const applied = await applyTuning(
      machine.host,
      'run-1',
      await tuningOf({ profile: 'none', knobs: { 'skew-tick': 1 } }),
      { reboot: true, commandLine },
    );
    assertEffective(machine.host, applied.results);
    expect(line()).to.equal(mergeCmdline('console=ttyS0', ['skew_tick=1']));
    await applied.restore();
    expect(machine.host.files.get('/proc/cmdline')).to.equal('console=ttyS0\n');
  });

  it('are taken back when the run is interrupted, once, and the host is given back', async () => {
    const { machine } = bootable();
    const { commandLine, boots } = fromOutside(machine);
    const interrupted = new AbortController();
    const tuning = await tuningOf({ profile: 'none', knobs: { 'skew-tick': 1 } });
    const options = { reboot: true, commandLine, signal: interrupted.signal };
    const applied = await applyTuning(machine.host, 'run-1', tuning, options);
    interrupted.abort();
    expect(await applied.restore()).to.include({ complete: true, needsReboot: false });
    expect(machine.host.files.get('/proc/cmdline')).to.equal('console=ttyS0\n');
    expect(machine.host.files.has('/var/lib/kvm4nfv/lease')).to.equal(false);
    await applied.restore();
    expect(boots()).to.equal(2);
  });

  it('that can neither be set nor taken back are told as both, and keep the host', async () => {
    const machine = simulatedServer({
      files: { '/etc/default/grub': defaults, '/etc/default/grub.d/README': '', '/usr/sbin/update-grub': '' },
      commands: { '/usr/sbin/update-grub': () => ({ exitCode: 1, stderr: 'cannot find a device for /' }) },
    });
    const tuning = await tuningOf({ profile: 'none', knobs: { 'skew-tick': 1 } });
    const error: unknown = await applyTuning(machine.host, 'run-1', tuning, { reboot: true }).catch(
      (reason: unknown) => reason,
    );
    const faults = error instanceof AggregateError ? error.errors.map(({ fault }: { fault?: string }) => fault) : error;
    expect(faults).to.deep.equal(['environment', 'teardown']);
    expect(machine.host.files.has('/var/lib/kvm4nfv/lease')).to.equal(true);
    await dropLease(machine.host, 'run-1');
  });

  it('go into every entry of the Boot Loader Specification, and are taken out again', async () => {
    const entry = (kernel: string): string => `title Fedora (${kernel})\nlinux /vmlinuz-${kernel}\ninitrd /initrd-${kernel}.img\noptions root=UUID=12 ro quiet\n`; // prettier-ignore
    const paths = ['6.11.4', '6.12.1-rt1'].map((kernel) => `/boot/loader/entries/1d-${kernel}.conf`);
    const [first = '', second = ''] = paths;
    const machine = simulatedServer({
      files: { [first]: entry('6.11.4'), [second]: entry('6.12.1-rt1'), '/boot/loader/loader.conf': 'timeout 3\n' },
      commands: { cat: ([, path = '']) => machine.host.files.get(path) ?? '' },
    });
    let boots = 0;
    const start = (): Promise<void> => {
      const options = /^options (.*)$/m.exec(machine.host.files.get(second) ?? '')?.[1] ?? '';
      machine.host.files
        .set(bootId, `bls-${String(++boots)}\n`)
        .set('/proc/cmdline', `BOOT_IMAGE=/vmlinuz ${options}\n`);
      return Promise.resolve();
    };
    await start();
    const before = treeOf(machine);
    const tuning = await tuningOf({ profile: 'none', with: { isolated_cpus: '2-3' }, knobs: { 'skew-tick': 1 } });
    expect((await planTuning(machine.host, tuning)).commandLine).to.deep.include({
      bootloader: 'bls',
      before: 'root=UUID=12 ro quiet',
      after: 'root=UUID=12 ro quiet skew_tick=1',
    });
    const applied = await applyTuning(machine.host, 'run-1', tuning, { reboot: true, rebootOptions: { start } });
    assertEffective(machine.host, applied.results);
    for (const [path, kernel] of [
      [first, '6.11.4'],
      [second, '6.12.1-rt1'],
    ] as const)
      // prettier-ignore
      expect(machine.host.files.get(path)).to.equal(entry(kernel).replace('quiet', 'quiet skew_tick=1'));
    expect((await applied.restore()).complete).to.equal(true);
    machine.host.files.set(bootId, before[bootId] ?? '');
    expect(treeOf(machine)).to.deep.equal(before);
  });
});
