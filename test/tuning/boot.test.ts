import { expect } from 'chai';
import { applyTuning, assertEffective, planTuning } from '../../lib/tuning/engine.js';
import { mergeCmdline } from '../../lib/tuning/cmdline.js';
import { parseGrubDefaults } from '../../lib/tuning/bootloader.js';
import { simulatedServer, treeOf, tuningOf, type Machine } from './machine.js';

const defaults = 'GRUB_DEFAULT=0\nGRUB_CMDLINE_LINUX_DEFAULT="quiet"\nGRUB_CMDLINE_LINUX="isolcpus=7"\n';
const dropIn = '/etc/default/grub.d/zz-kvm4nfv.cfg';
const bootId = '/proc/sys/kernel/random/boot_id';

/** A machine that boots with what its GRUB configuration said at the last update-grub. */
const bootable = (): { machine: Machine; boot: () => Promise<void> } => {
  let configured = parseGrubDefaults([defaults]);
  let boots = 1;
  const machine: Machine = simulatedServer({
    files: { '/etc/default/grub': defaults, '/etc/default/grub.d/README': '', '/usr/sbin/update-grub': '' },
    commands: {
      '/usr/sbin/update-grub': () => {
        configured = parseGrubDefaults([defaults, machine.host.files.get(dropIn) ?? '']);
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
    let line = 'console=ttyS0';
    const start = (): Promise<void> => {
      machine.host.files.set(bootId, `boot-${line}\n`).set('/proc/cmdline', `${line}\n`);
      return Promise.resolve();
    };
    const commandLine = {
      configured: () => Promise.resolve(line),
      set: (text: string) => {
        line = text;
        return Promise.resolve();
      },
      reboot: start,
    };
    const applied = await applyTuning(
      machine.host,
      'run-1',
      await tuningOf({ profile: 'none', knobs: { 'skew-tick': 1 } }),
      { reboot: true, commandLine },
    );
    assertEffective(machine.host, applied.results);
    expect(line).to.equal(mergeCmdline('console=ttyS0', ['skew_tick=1']));
    await applied.restore();
    expect(machine.host.files.get('/proc/cmdline')).to.equal('console=ttyS0\n');
  });
});
