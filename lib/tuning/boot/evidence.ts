import { splitCmdline } from '../cmdline.js';
import { files, names, text, type Request, type Snapshot } from '../reading.js';
import { entriesOf, entryRequests, loaderEntries } from './entries.js';
import { grubConfigs, grubOf, grubRequests, hasGrub } from './grub.js';
import { grubValues } from './grub-defaults.js';
import { isProxmox, kernelCmdlineRequests, proxmoxOf } from './kernel-cmdline.js';
import { ostreeOf, ostreeRequests } from './ostree.js';
import { expandReferences } from './references.js';
import { no, type Bootloader, type NoBootloader } from './step.js';

const vendor = '4a67b082-0a4c-41cf-b6c7-440b29bb8c4f';
const variable = (name: string): string => `/sys/firmware/efi/efivars/${name}-${vendor}`;
const ostree = '/run/ostree-booted';
const dom0 = '/proc/xen/capabilities';

/** Boot loaders whose files nobody here writes, by what shows them. */
const others: readonly (readonly [path: string, name: string, hint: string])[] = [
  [
    '/boot/extlinux/extlinux.conf',
    'extlinux (or U-Boot with its file)',
    'Add them to `append` in /boot/extlinux/extlinux.conf.',
  ],
  ['/boot/syslinux/syslinux.cfg', 'syslinux', 'Add them to `append` in /boot/syslinux/syslinux.cfg.'],
  [
    '/boot/firmware/cmdline.txt',
    'the firmware of a Raspberry Pi',
    'Add them to /boot/firmware/cmdline.txt, which is one line.',
  ],
  ['/boot/limine.conf', 'Limine', 'Add them to `cmdline` in /boot/limine.conf.'],
  ['/boot/refind_linux.conf', 'rEFInd', 'Add them to /boot/refind_linux.conf.'],
  ['/etc/zipl.conf', 'zipl', 'Add them to `parameters` in /etc/zipl.conf, then run zipl.'],
  ['/boot/boot.scr', 'U-Boot with a script', 'Add them to `bootargs` in the script and make it anew with mkimage.'],
  ['/etc/default/u-boot', 'U-Boot', 'Add them to U_BOOT_PARAMETERS in /etc/default/u-boot, then run u-boot-update.'],
];

/** What tells how a machine was booted, and where its boot loader keeps the command line. */
export const bootRequests: readonly Request[] = [
  ...files('/proc/cmdline', dom0, variable('LoaderInfo'), variable('StubInfo')),
  ...[ostree, '/sys/firmware/efi', ...others.map(([path]) => path)].map(names),
  ...grubRequests,
  ...entryRequests,
  ...kernelCmdlineRequests,
  ...ostreeRequests,
  text('/etc/kernel/uki.conf'),
];

/** An EFI variable holds UTF-16 behind four bytes of attributes. */
const spoken = (now: Snapshot, name: string): string =>
  (now.files.get(variable(name)) ?? '').replaceAll(/[^\x20-\x7e]/g, '').trim();

const hasUnified = (now: Snapshot): boolean => [...now.names].some((path) => path.includes('/EFI/Linux/'));

const unified = (): NoBootloader =>
  no(
    'it boots a unified kernel image, which has its command line inside, signed where Secure Boot is on',
    'Put them into /etc/kernel/cmdline, build the image anew (kernel-install add, mkinitcpio -P, dracut --force --uefi or ukify) and reboot.',
  );

const systemdBoot = (now: Snapshot, cmdline: string): Bootloader | NoBootloader => {
  if (isProxmox(now)) return proxmoxOf(now);
  if (loaderEntries(now).length > 0) return entriesOf(now, cmdline, 'systemd-boot');
  if (hasUnified(now)) return unified();
  return no(
    'systemd-boot or the firmware started its kernel, and no entry of either is to be seen',
    'Mount the EFI partition at /efi or /boot/efi, or set the parameters by hand.',
  );
};

const rootOf = (line: string): string | undefined => splitCmdline(line).findLast((token) => token.startsWith('root='));

/** A menu that never had the root of the running kernel belongs to another system, or to nothing that was booted. */
const strangerMenu = (now: Snapshot, cmdline: string): NoBootloader | undefined => {
  const running = rootOf(cmdline);
  const menus = grubConfigs(now).filter(({ config }) => !config.blscfg);
  const roots = menus.flatMap(({ config }) =>
    config.entries.flatMap(({ line }) => rootOf(expandReferences(line, config.variables)) ?? []),
  );
  return running === undefined || roots.length === 0 || roots.includes(running)
    ? undefined
    : no(
        `the running kernel has ${running}, and no entry of ${menus.map(({ path }) => path).join(', ')} has it: another GRUB booted it`,
        'Set the parameters where that one has its menu.',
      );
};

/** Whether GRUB's menu is that of the Boot Loader Specification: what its menu says, else what its files ask for. */
const readsEntries = (now: Snapshot): boolean => {
  const menus = grubConfigs(now);
  if (menus.length > 0) return menus.some(({ config }) => config.blscfg);
  if (loaderEntries(now).length === 0) return false;
  return !hasGrub(now) || grubValues(now)?.all.blscfg === 'true';
};

const grubOrEntries = (now: Snapshot, cmdline: string): Bootloader | NoBootloader => {
  if (readsEntries(now)) return entriesOf(now, cmdline, 'grub');
  if (hasGrub(now)) return strangerMenu(now, cmdline) ?? grubOf(now);
  if (loaderEntries(now).length > 0) return entriesOf(now, cmdline, 'systemd-boot');
  const other = others.find(([path]) => now.names.has(path));
  if (other !== undefined) return no(`${other[1]} boots it, whose files are not written here`, other[2]);
  return hasUnified(now)
    ? unified()
    : no('no boot loader is known here', 'Set the parameters where the machine is booted from.');
};

/** The boot loader that booted this machine, by what the machine itself says of it; where that contradicts itself, why nothing is written. Pure. */
export const bootloaderOf = (now: Snapshot): Bootloader | NoBootloader => {
  const cmdline = (now.files.get('/proc/cmdline') ?? '').trim();
  const loader = spoken(now, 'LoaderInfo');
  if ((now.files.get(dom0) ?? '').includes('control_d'))
    return no(
      "it is Xen's first domain, whose CPUs are Xen's to give",
      'Pin them on the command line of Xen (dom0_max_vcpus, dom0_vcpus_pin), or boot without Xen.',
    );
  if (now.names.has(ostree)) return ostreeOf(now);
  if (spoken(now, 'StubInfo') !== '') return unified();
  const fromGrub = /^BOOT_IMAGE=|\sBOOT_IMAGE=/.test(cmdline);
  // What starts a kernel as an EFI program names its initrd with backslashes.
  const fromFirmware = /(?:^|\s)initrd=\S*\\/.test(cmdline);
  if (loader.startsWith('systemd-boot') && fromGrub)
    return no(`its firmware says ${loader}, and its command line that GRUB booted it`, 'Set the parameters by hand.');
  if (loader.startsWith('systemd-boot') || fromFirmware) return systemdBoot(now, cmdline);
  if (fromGrub || loader.startsWith('GRUB')) return grubOrEntries(now, cmdline);
  const other = others.find(([path]) => now.names.has(path));
  if (other !== undefined) return no(`${other[1]} boots it, whose files are not written here`, other[2]);
  return no(
    'nothing on its command line says that a boot loader of its own gave it: it is booted from outside',
    'Set the parameters where its kernel is started (libvirt: <cmdline>; network boot: the append line).',
  );
};
