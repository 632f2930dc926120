import type { PlannedChange } from '../change.js';
import { diffCmdline, splitCmdline } from '../cmdline.js';
import { command, names, outputOf, text, type Request, type Snapshot } from '../reading.js';
import { menuDifferences, parseGrubConfig, type GrubConfig } from './grub-config.js';
import {
  dropInBehind,
  dropInText,
  grubAssignments,
  grubDefaults,
  grubDropIns,
  grubValues,
  grubValuesRequest,
  isOwnDropIn,
  lineOfValues,
  withOwnBlock,
} from './grub-defaults.js';
import { unproven } from './prove.js';
import { expandReferences, mergeReferring, parseGrubEnvironment, type Variables } from './references.js';
import { no, prove, type Bootloader, type NoBootloader, type Step } from './step.js';

const configs = ['/boot/grub/grub.cfg', '/boot/grub2/grub.cfg'];
const firmwareConfigs = '/boot/efi/EFI/*/grub.cfg';
const environments = ['/boot/grub/grubenv', '/boot/grub2/grubenv', '/boot/efi/EFI/*/grubenv'];
const directories = ['/usr/sbin', '/usr/bin', '/sbin'];
const generators = directories.flatMap((directory) => [`${directory}/grub-mkconfig`, `${directory}/grub2-mkconfig`]);
const wrappers = directories.map((directory) => `${directory}/update-grub`);

export const grubRequests: readonly Request[] = [
  text(grubDefaults),
  text(`${grubDropIns}/*.cfg`),
  names(grubDropIns),
  ...[...configs, firmwareConfigs, ...environments, ...generators].map(text),
  ...wrappers.map(names),
  grubValuesRequest,
];

const boots = ({ entries, blscfg }: GrubConfig): boolean => entries.length > 0 || blscfg;

/** The grub.cfg files that have a menu; those that only lead to another are left out. */
export const grubConfigs = (now: Snapshot): { readonly path: string; readonly config: GrubConfig }[] =>
  [...now.texts]
    .filter(([path]) => /^\/boot\/.*\/grub\.cfg$/.test(path))
    .map(([path, content]) => ({ path, config: parseGrubConfig(content) }))
    .filter(({ config }) => boots(config));

export const grubEnvironment = (now: Snapshot): Variables =>
  new Map(
    [...now.texts]
      .filter(([path]) => path.endsWith('/grubenv'))
      .flatMap(([, content]) => [...parseGrubEnvironment(content)]),
  );

/** Whether GRUB's files are there at all. */
export const hasGrub = (now: Snapshot): boolean =>
  now.texts.has(grubDefaults) &&
  [...wrappers, ...generators].some((path) => now.names.has(path) || now.texts.has(path));

/**
 * Prints the menu as it would be and leaves grub.cfg alone. Without `-o` the generator does not check what it made.
 * Arguments: the generator.
 */
const generateScript =
  'made=$("$1" 2>/dev/null) || exit; check=${1%-mkconfig}-script-check; [ ! -x "$check" ] && check=${check%/sbin/*}/bin/${check##*/}; if [ -x "$check" ]; then printf "%s\\n" "$made" | "$check" || exit; fi; printf "%s\\n" "$made"';
/** Only where the menu still has what was added: one that is as before is not made anew. Arguments: what was added, grub.cfg, the generator. */
const regenerateScript = 'if grep -qF -e "$1" "$2"; then "$3" -o "$2"; fi';

interface Found {
  /** What makes grub.cfg; the wrapper where nothing more is known. */
  readonly update: readonly string[];
  /** Its own text is known, so that it can be told what it reads, and made to print. */
  readonly generator: string | undefined;
  readonly dropIns: boolean;
  readonly config: { readonly path: string; readonly config: GrubConfig; readonly text: string } | undefined;
}

const chosenConfig = (now: Snapshot): Found['config'] | NoBootloader => {
  const found = grubConfigs(now);
  const firmware = found.filter(({ path }) => path.startsWith('/boot/efi/'));
  const own =
    now.names.has('/sys/firmware/efi') && firmware.length > 0
      ? firmware
      : found.filter(({ path }) => !path.startsWith('/boot/efi/'));
  const [first, second] = own;
  if (first === undefined) return undefined;
  if (second !== undefined)
    return no(
      `both ${first.path} and ${second.path} have a menu, and which one boots can't be told`,
      'Remove the one that is not used, or set the parameters by hand.',
    );
  return { ...first, text: now.texts.get(first.path) ?? '' };
};

const find = (now: Snapshot): Found | NoBootloader => {
  const config = chosenConfig(now);
  if (config !== undefined && 'reason' in config) return config;
  const generator = generators.find((path) => now.texts.has(path));
  const code = generator === undefined ? '' : (now.texts.get(generator) ?? '');
  const wrapper = wrappers.find((path) => now.names.has(path));
  const path =
    config?.path ?? (generator?.endsWith('grub2-mkconfig') === true ? '/boot/grub2/grub.cfg' : '/boot/grub/grub.cfg');
  if (generator !== undefined && code.includes('default/grub'))
    return { update: [generator, '-o', path], generator, dropIns: code.includes('default/grub.d'), config };
  if (wrapper !== undefined) return { update: [wrapper], generator: undefined, dropIns: true, config };
  if (generator !== undefined) return { update: [generator, '-o', path], generator: undefined, dropIns: false, config };
  return no('nothing is there that makes grub.cfg', 'Install grub-mkconfig (Debian: grub2-common).');
};

const fileChange = (path: string, before: string | null, after: string): PlannedChange => ({
  change: { kind: 'file', path, before, after },
  action: { kind: 'install', path, text: after },
});

const pending = (path: string): string =>
  `What was changed is put back, ${path} as it was. If the difference is not ours: run its generator, reboot, and try again.`;

/** The files that grub-mkconfig sources, changed. */
const sourcedChanges = (now: Snapshot, found: Found, assignments: string): PlannedChange[] => {
  if (!found.dropIns) {
    const before = now.texts.get(grubDefaults) ?? '';
    return [fileChange(grubDefaults, before, withOwnBlock(before, assignments))];
  }
  const dropIns = [...now.texts.keys()].filter((path) => path.startsWith(`${grubDropIns}/`));
  const own = dropIns.filter(isOwnDropIn);
  const path = dropInBehind(dropIns.filter((other) => !isOwnDropIn(other)));
  const old = own.filter((other) => other !== path);
  return [
    ...(now.names.has(grubDropIns)
      ? []
      : [{ change: { kind: 'directory', path: grubDropIns }, action: { kind: 'mkdir', path: grubDropIns } } as const]),
    ...old.map((other): PlannedChange => ({
      change: { kind: 'file', path: other, before: now.texts.get(other) ?? '', after: null },
      action: { kind: 'remove', path: other },
    })),
    fileChange(path, now.texts.get(path) ?? null, dropInText(assignments)),
  ];
};

const sameAsSourced = (now: Snapshot, before: string, wanted: readonly string[], variables: Variables): string[] => {
  const values = grubValues(now);
  if (values === undefined) return [`a shell does not get through ${grubDefaults} and ${grubDropIns}`];
  return unproven(
    expandReferences(before, variables),
    expandReferences(lineOfValues(values.all), variables),
    wanted,
  ).map((what) => `${what} (as ${grubDefaults} and ${grubDropIns} are sourced: is there one that comes after ours?)`);
};

/** A menu without what an earlier run of ours has put there and left. */
const withoutOwn = (config: GrubConfig, { others, all }: NonNullable<ReturnType<typeof grubValues>>): GrubConfig => {
  const own = diffCmdline(lineOfValues(others), lineOfValues(all)).added.flatMap(splitCmdline);
  const without = (line: string): string =>
    splitCmdline(line)
      .filter((token) => !own.includes(token))
      .join(' ');
  return { ...config, entries: config.entries.map((entry) => ({ ...entry, line: without(entry.line) })) };
};

interface Setting {
  readonly found: Found;
  readonly assignments: string;
  /** A parameter of ours that the old menu lacks. */
  readonly mark: string;
  readonly proof: (menu: string | undefined, after: Snapshot) => string[];
}

/** The menu is printed, compared, and only then put in the place of the old one, whole: at no moment is there a menu that was not compared. */
const generated = (
  now: Snapshot,
  { found, assignments, mark, proof }: Setting,
  generator: string,
  old: { path: string; text: string },
): Step => {
  const generate = ['sh', '-c', generateScript, 'sh', generator] as const;
  const hint = pending(old.path);
  return {
    changes: [
      { change: { kind: 'after-undo', argv: ['sh', '-c', regenerateScript, 'sh', mark, old.path, generator] } },
      ...sourcedChanges(now, found, assignments),
    ],
    requests: [grubValuesRequest, command(...generate)],
    then: (after) => {
      const output = outputOf(after, ...generate);
      prove(output?.exitCode === 0 ? [] : [`${generator} fails (exit ${String(output?.exitCode ?? 127)})`], hint);
      const menu = output?.stdout ?? '';
      prove(proof(menu, after), hint);
      return {
        changes: [fileChange(old.path, old.text, menu)],
        requests: [text(old.path)],
        then: (written) => {
          prove(written.texts.get(old.path) === menu ? [] : [`${old.path} is not what was written`], hint);
          return undefined;
        },
      };
    },
  };
};

/** Where the generator can't be made to print: it is run, and what it made is compared. */
const updated = (now: Snapshot, { found: { update, config, ...found }, assignments, proof }: Setting): Step => ({
  changes: [
    { change: { kind: 'after-undo', argv: update } },
    ...sourcedChanges(now, { update, config, ...found }, assignments),
    { action: { kind: 'run', argv: update } },
  ],
  requests: [grubValuesRequest, ...(config === undefined ? [] : [text(config.path)])],
  then: (after) => {
    prove(
      proof(config === undefined ? undefined : (after.texts.get(config.path) ?? ''), after),
      pending(config?.path ?? 'grub.cfg'),
    );
    return undefined;
  },
});

/** GRUB whose menu is made by grub-mkconfig. What others assign is never rewritten, only what is ours comes behind it. */
export const grubOf = (now: Snapshot): Bootloader | NoBootloader => {
  const found = find(now);
  if ('reason' in found) return found;
  const values = grubValues(now);
  if (values === undefined)
    return no(
      `a shell does not get through ${grubDefaults} and ${grubDropIns}/*.cfg, so GRUB's generator does not either`,
      `Try: sh -e -c '. ${grubDefaults}'`,
    );
  const { config, generator } = found;
  const environment = grubEnvironment(now);
  const variables = new Map([...(config?.config.variables ?? []), ...environment]);
  const before = lineOfValues(values.others);

  const proofOf = (wanted: readonly string[], menu: string | undefined, after: Snapshot): string[] => {
    const sourced = sameAsSourced(after, before, wanted, variables);
    if (sourced.length > 0 || config === undefined) return sourced;
    if (menu === undefined || menu.trim() === '') return [`${found.update[0] ?? ''} makes no menu`];
    return menuDifferences(withoutOwn(config.config, values), parseGrubConfig(menu), wanted, environment);
  };

  return {
    name: 'grub',
    configured: before,
    set: (wanted) => {
      const merged = mergeReferring(before, variables, wanted);
      if (lineOfValues(values.all) === merged) return undefined;
      const setting: Setting = {
        found,
        assignments: grubAssignments(values.others, variables, wanted),
        mark: diffCmdline(before, merged).added.at(-1) ?? '',
        proof: (menu, after) => proofOf(wanted, menu, after),
      };
      return generator !== undefined && config !== undefined
        ? generated(now, setting, generator, config)
        : updated(now, setting);
    },
  };
};
