import type { PlannedChange } from './change.js';
import { mergeCmdline } from './cmdline.js';
import { names, text, type Request, type Snapshot } from './reading.js';

/** Where a machine keeps the command line of its kernel. */
export interface Bootloader {
  readonly name: string;
  /** What the next boot will be given, apart from what the boot loader adds itself. Undefined: the machine does not boot this way. */
  readonly configured: (now: Snapshot) => string | undefined;
  /** What puts the parameters into the next boot's command line; pure. */
  readonly changes: (now: Snapshot, parameters: readonly string[]) => readonly PlannedChange[];
}

/** A machine that is booted from outside, such as a guest whose kernel and command line stand in its domain XML. */
export interface ExternalCommandLine {
  readonly configured: () => Promise<string>;
  readonly set: (cmdline: string) => Promise<void>;
  /** Starts the machine anew, with it. Default: the machine reboots itself. */
  readonly reboot?: () => Promise<void>;
  /** Called once the machine answers again: checks that it is still what was asked for, and puts right what does not outlive a reboot. */
  readonly rebooted?: () => Promise<void>;
}

const grubDefaults = '/etc/default/grub';
const grubDropIns = '/etc/default/grub.d';
const ownDropIn = `${grubDropIns}/zz-kvm4nfv.cfg`;
const updateGrub = '/usr/sbin/update-grub';
const loaderEntries = '/boot/loader/entries';

const assignment = /^\s*(GRUB_CMDLINE_LINUX(?:_DEFAULT)?)=(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|(\S*))\s*(?:#.*)?$/gm;

/** The command line of GRUB's defaults file and its drop-ins, in the order in which they are sourced; the last assignment wins. */
export const parseGrubDefaults = (texts: readonly string[]): string => {
  let [linux, normal] = ['', ''];
  for (const content of texts)
    for (const [, name, double, single, bare] of content.matchAll(assignment)) {
      const expanded = (double ?? bare ?? '')
        .replaceAll(/\$\{?GRUB_CMDLINE_LINUX_DEFAULT\}?/g, () => normal)
        .replaceAll(/\$\{?GRUB_CMDLINE_LINUX\}?(?![A-Z_])/g, () => linux)
        .replaceAll(/\\(["\\$`])/g, '$1');
      const value = (single ?? expanded).trim();
      if (name === 'GRUB_CMDLINE_LINUX') linux = value;
      else normal = value;
    }
  return `${linux} ${normal}`.trim();
};

const grubTexts = (now: Snapshot): string[] => {
  const dropIns = [...now.texts].filter(([path]) => path.startsWith(`${grubDropIns}/`) && path !== ownDropIn);
  return [
    now.texts.get(grubDefaults) ?? '',
    ...dropIns.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, content]) => content),
  ];
};

const quoteForGrub = (cmdline: string): string => `"${cmdline.replaceAll(/["\\$`]/g, String.raw`\$&`)}"`;

/** GRUB with Debian's drop-in folder: our own file sets the whole line, so that removing it brings the old one back. */
export const grub: Bootloader = {
  name: 'grub',
  configured: (now) =>
    now.texts.has(grubDefaults) && now.names.has(updateGrub) ? parseGrubDefaults(grubTexts(now)) : undefined,
  changes: (now, parameters) => {
    const merged = mergeCmdline(parseGrubDefaults(grubTexts(now)), parameters);
    const content = `# Written by kvm4nfv and removed again by it: the command line of this machine with what its tuning adds.\nGRUB_CMDLINE_LINUX=""\nGRUB_CMDLINE_LINUX_DEFAULT=${quoteForGrub(merged)}\n`;
    const before = now.texts.get(ownDropIn) ?? null;
    if (before === content) return [];
    return [
      { change: { kind: 'after-undo', argv: [updateGrub] } },
      ...(now.names.has(grubDropIns)
        ? []
        : [
            { change: { kind: 'directory', path: grubDropIns }, action: { kind: 'mkdir', path: grubDropIns } } as const,
          ]),
      {
        change: { kind: 'file', path: ownDropIn, before, after: content },
        action: { kind: 'install', path: ownDropIn, text: content },
      },
      { action: { kind: 'run', argv: [updateGrub] } },
    ];
  },
};

const entriesOf = (now: Snapshot): [string, string][] =>
  [...now.texts].filter(([path]) => path.startsWith(`${loaderEntries}/`));
const optionsLine = /^options[ \t]+(.*)$/m;

/** Boot Loader Specification: the `options` line of every entry, as Fedora's GRUB and systemd-boot read them. */
export const bootLoaderSpecification: Bootloader = {
  name: 'bls',
  configured: (now) => entriesOf(now).flatMap(([, content]) => optionsLine.exec(content)?.[1] ?? [])[0],
  changes: (now, parameters) =>
    entriesOf(now).flatMap(([path, before]) => {
      const after = before.replace(optionsLine, (_, options: string) => `options ${mergeCmdline(options, parameters)}`);
      return before === after
        ? []
        : [{ change: { kind: 'file', path, before, after }, action: { kind: 'install', path, text: after } } as const];
    }),
};

export const bootloaders: readonly Bootloader[] = [bootLoaderSpecification, grub];

export const bootloaderRequests: readonly Request[] = [
  text(grubDefaults),
  text(`${grubDropIns}/*.cfg`),
  text(`${loaderEntries}/*.conf`),
  names(updateGrub),
  names(grubDropIns),
];

/** The boot loader that the machine's files speak of; undefined where none is known. */
export const bootloaderOf = (now: Snapshot): Bootloader | undefined =>
  bootloaders.find(({ configured }) => configured(now) !== undefined);
