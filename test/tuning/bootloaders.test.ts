import { expect } from 'chai';
import { missingParameters } from '../../lib/tuning/cmdline.js';
import { restoreRun } from '../../lib/tuning/restore.js';
import type { SimulatedHost } from '../../lib/host/simulated.js';
import { failureOf, grubMachine, refusalOf, set, treeOf, updateGrub, wanted } from './boot-machine.js';
import { grubTree, sourcedLine } from './grub-files.js';
import { recordedMachine } from './recorded.js';

describe('entries of the Boot Loader Specification', () => {
  const optionsOf = (host: SimulatedHost, path: string): string[] =>
    [...(host.files.get(path) ?? '').matchAll(/^options (.*)$/gm)].map(([, options = '']) => options);

  it('with several lines of options get one line with all of them', async () => {
    const { host } = recordedMachine('bls-two-options-lines');
    const tree = treeOf(host);
    expect(await set(host)).to.equal('bls');
    expect(optionsOf(host, '/boot/loader/entries/debian-6.12.conf')).to.deep.equal([
      'root=UUID=0b0b ro isolcpus=domain,2-3 quiet skew_tick=1',
    ]);
    await restoreRun(host, 'run-1');
    expect(treeOf(host)).to.deep.equal(tree);
  });

  const rhel8 = '/boot/loader/entries/aa-4.18.0-553.el8.conf';
  it("have GRUB's variables put in where a parameter of them has to be changed, and kept where none has", async () => {
    const { host } = recordedMachine('bls-rhel8-kernelopts');
    await set(host);
    expect(optionsOf(host, rhel8)).to.deep.equal([
      'root=/dev/mapper/rhel-root ro crashkernel=auto isolcpus=domain,2-3 skew_tick=1 $tuned_params',
    ]);
    await restoreRun(host, 'run-1');
    await set(host, ['audit=0', 'isolcpus=6-7']);
    expect(optionsOf(host, rhel8)).to.deep.equal(['$kernelopts $tuned_params audit=0']);
  });

  it('for rescue keep theirs', async () => {
    const rescue = '/boot/loader/entries/aa-0-rescue.conf';
    const text = 'title Rescue\nlinux /vmlinuz-0-rescue\noptions root=/dev/mapper/rhel-root single\n';
    const { host } = recordedMachine('bls-rhel8-kernelopts', { files: { [rescue]: text } });
    await set(host);
    expect(host.files.get(rescue)).to.equal(text);
  });

  it('are refused where grubby, which is there, says otherwise of the default one', async () => {
    const { host } = recordedMachine('bls-rhel8-kernelopts', {
      commands: { grubby: () => 'index=0\nargs="ro crashkernel=auto"\nroot="/dev/mapper/rhel-root"\n' },
    });
    expect(await failureOf(host)).to.contain('grubby says of the default entry: it would lack skew_tick=1');
  });

  it('are left alone where GRUB does not read them, and where they never had the root of the running kernel', async () => {
    const { host } = recordedMachine('bls-disabled-in-grub', { commands: { [updateGrub]: () => '' } });
    const entry = '/boot/loader/entries/bb-5.14.0.conf';
    const before = host.files.get(entry);
    expect(await set(host)).to.equal('grub');
    expect(host.files.get(entry)).to.equal(before);
    expect(sourcedLine(host.files)).to.equal('quiet skew_tick=1 isolcpus=domain,2-3');
    expect(await refusalOf(recordedMachine('systemd-boot-esp-at-boot-efi').host)).to.contain(
      'something else booted it',
    );
    const { host: mended } = recordedMachine('systemd-boot-esp-at-boot-efi', {
      files: { '/proc/cmdline': 'initrd=\\cc\\initrd root=UUID=0b0b ro quiet systemd.machine_id=cc\n' },
    });
    expect(await set(mended)).to.equal('bls');
    expect(optionsOf(mended, '/boot/efi/loader/entries/cc-6.12.8-amd64.conf')).to.deep.equal([
      'root=UUID=0b0b ro quiet systemd.machine_id=cc skew_tick=1 isolcpus=domain,2-3',
    ]);
  });
});

describe('what booted a machine', () => {
  it('is Proxmox with systemd-boot, not the GRUB whose files lie there too', async () => {
    const { host } = recordedMachine('systemd-boot-proxmox-zfs');
    const tree = treeOf(host);
    expect(await refusalOf(host)).to.contain('proxmox-boot-tool is not there');
    expect(treeOf(host)).to.deep.equal(tree);
    const there = recordedMachine('systemd-boot-proxmox-zfs', {
      files: { '/usr/sbin/proxmox-boot-tool': '' },
      commands: { '/usr/sbin/proxmox-boot-tool': () => '' },
    }).host;
    // No partition is mounted on a simulated host, so nothing can be read back and nothing stays.
    expect(await failureOf(there)).to.contain("can't be read back");
    expect((await restoreRun(there, 'run-1')).complete).to.equal(true);
    expect(there.files.get('/etc/kernel/cmdline')).to.equal(host.files.get('/etc/kernel/cmdline'));
  });

  it('is an ostree deployment, whose own tool sets and takes back', async () => {
    let line = 'rw isolcpus=7 ostree=/ostree/boot.1/fedora-coreos/00/0 root=UUID=0b0b';
    const { host } = recordedMachine('ostree-coreos', {
      commands: {
        'rpm-ostree': ([, , ...options]) => {
          const words = (option: string): string[] =>
            options.flatMap((text) => (text.startsWith(option) ? [text.slice(option.length)] : []));
          line = [...line.split(' ').filter((word) => !words('--delete=').includes(word)), ...words('--append=')].join(
            ' ',
          );
          return options.length === 0 ? `${line}\n` : '';
        },
      },
    });
    const tree = treeOf(host);
    expect(await set(host)).to.equal('ostree');
    expect(missingParameters(line, wanted)).to.deep.equal([]);
    expect(line).to.contain('ostree=/ostree/boot.1/fedora-coreos/00/0 root=UUID=0b0b').and.not.contain('isolcpus=7');
    expect(treeOf(host)).to.deep.equal(tree);
    expect((await restoreRun(host, 'run-1')).complete).to.equal(true);
    expect(line.split(' ').sort()).to.deep.equal(
      'rw isolcpus=7 ostree=/ostree/boot.1/fedora-coreos/00/0 root=UUID=0b0b'.split(' ').sort(),
    );
    expect(await refusalOf(recordedMachine('ostree-coreos').host)).to.contain('`rpm-ostree kargs` does not answer');
  });

  const efi = (name: string): string => `/sys/firmware/efi/efivars/${name}-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f`;
  const utf16 = (text: string): string => `\u0006\0\0\0${Array.from(text, (letter) => `${letter}\0`).join('')}\0\0`;
  const grub = grubTree('kdump-drop-in');
  const refusals: Readonly<Record<string, readonly [RegExp, Readonly<Record<string, string>>]>> = {
    'a unified kernel image': [/unified kernel image/, { ...grub, [efi('StubInfo')]: utf16('systemd-stub 252.1') }],
    'Xen, whose first domain this is': [/Xen/, { ...grub, '/proc/xen/capabilities': 'control_d\n' }],
    'something outside of it': [
      /booted from outside/,
      { ...grub, [updateGrub]: '', '/proc/cmdline': 'root=/dev/vda ro console=ttyS0\n' },
    ],
    extlinux: [/extlinux/, { '/boot/extlinux/extlinux.conf': 'append root=/dev/sda2\n' }],
    'U-Boot': [/U-Boot/, { '/boot/boot.scr': '', '/proc/cmdline': 'root=/dev/mmcblk0p2 console=ttyAMA0\n' }],
    'two boot loaders at once': [
      /its firmware says systemd-boot 252/,
      { ...grub, [updateGrub]: '', [efi('LoaderInfo')]: utf16('systemd-boot 252') },
    ],
    'systemd-boot with entries that are not to be seen': [
      /no entry of either/,
      { ...grub, [updateGrub]: '', '/proc/cmdline': 'initrd=\\a\\initrd root=/dev/sda2\n' },
    ],
    'a loader nobody knows': [/no boot loader is known/, {}],
  };
  for (const [what, [reason, files]] of Object.entries(refusals))
    it(`is ${what}: nothing is written`, async () => {
      const { host } = recordedMachine('base-intel-2s', { files });
      const tree = treeOf(host);
      expect(await refusalOf(host)).to.match(reason);
      expect(treeOf(host)).to.deep.equal(tree);
    });

  it('is a unified kernel image where there is nothing else, and GRUB where its firmware says so', async () => {
    expect(await refusalOf(recordedMachine('uki-only').host)).to.contain('unified kernel image');
    const host = grubMachine({
      ...grub,
      [efi('LoaderInfo')]: utf16('GRUB 2.12'),
      '/boot/loader/entries/old.conf': 'linux /old\noptions root=/dev/sdz\n',
    });
    expect(await set(host)).to.equal('grub');
  });
});
