import { Kvm4nfvError } from '../../error.js';
import { splitCmdline } from '../cmdline.js';
import { command, outputOf, type Request, type Snapshot } from '../reading.js';
import { mergeReferring, type Variables } from './references.js';

export const grubDefaults = '/etc/default/grub';
export const grubDropIns = '/etc/default/grub.d';

/** Names of our own drop-in: as many `z` as it takes to be the last. */
const ownDropIn = /\/z+-kvm4nfv\.cfg$/;
export const isOwnDropIn = (path: string): boolean => ownDropIn.test(path);

const begin = '# Begin of what kvm4nfv adds, and removes again';
const end = '# End of what kvm4nfv adds';

/**
 * Sources the files as grub-mkconfig does and prints what they make of the command line, without ours and with ours.
 * Arguments: the defaults file, the directory of drop-ins. What they print themselves is not looked at.
 */
export const grubValuesScript = `
kvm4nfv_defaults=$1; kvm4nfv_directory=$2
for kvm4nfv_mode in others all; do (
  exec 3>&1 >/dev/null 2>&1 </dev/null
  for kvm4nfv_library in /usr/share/grub/grub-mkconfig_lib /usr/share/grub2/grub-mkconfig_lib; do
    [ ! -f "$kvm4nfv_library" ] || { . "$kvm4nfv_library"; break; }
  done
  # Some shells go on behind a quote that is not closed.
  for x in "$kvm4nfv_defaults" "$kvm4nfv_directory"/*.cfg; do [ ! -e "$x" ] || sh -n "$x" || exit; done
  if [ ! -f "$kvm4nfv_defaults" ]; then :
  elif [ "$kvm4nfv_mode" = all ] || ! grep -q '^${begin}' "$kvm4nfv_defaults"; then . "$kvm4nfv_defaults"
  else eval "$(sed '/^${begin}/,/^${end}/d' "$kvm4nfv_defaults")"
  fi
  for x in "$kvm4nfv_directory"/*.cfg; do
    case $x in */z-kvm4nfv.cfg | */zz*-kvm4nfv.cfg) [ "$kvm4nfv_mode" = all ] || continue ;; esac
    [ ! -e "$x" ] || . "$x"
  done
  printf '%s\\0' "$kvm4nfv_mode" "$GRUB_CMDLINE_LINUX" "$GRUB_CMDLINE_LINUX_DEFAULT" "$GRUB_ENABLE_BLSCFG" end >&3
); done
`;

/** Nothing of who runs it gets in, as nothing of the session of whoever runs the generator should. */
export const cleanShell = 'exec env -i PATH="$PATH" HOME=/ LC_ALL=C sh -c "$@"';
const valuesArgv = ['sh', '-c', cleanShell, 'sh', grubValuesScript, 'sh', grubDefaults, grubDropIns] as const;
export const grubValuesRequest: Request = command(...valuesArgv);

export interface GrubValues {
  readonly linux: string;
  readonly normal: string;
  readonly blscfg: string;
}

/** What GRUB's files say without ours, and with ours; undefined where the shell did not get to their end. */
export const grubValues = (now: Snapshot): { readonly others: GrubValues; readonly all: GrubValues } | undefined => {
  const words = (outputOf(now, ...valuesArgv)?.stdout ?? '').split('\0');
  const read = (mode: string, at: number): GrubValues | undefined => {
    const [name, linux = '', normal = '', blscfg = '', last] = words.slice(at, at + 5);
    return name === mode && last === 'end' ? { linux, normal, blscfg } : undefined;
  };
  const others = read('others', 0);
  const all = read('all', 5);
  return others === undefined || all === undefined ? undefined : { others, all };
};

/** In one line, in the order in which GRUB's scripts put them. */
export const lineOfValues = ({ linux, normal }: GrubValues): string => splitCmdline(`${linux} ${normal}`).join(' ');

/** Stands between the two variables while both are merged as the one line that they make. */
const border = 'kvm4nfv.border';

const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;

const assign = (name: string, before: string, after: readonly string[]): string[] => {
  const own = splitCmdline(before);
  if (own.join(' ') === after.join(' ')) return [];
  const added = after.slice(own.length);
  // What others set stays theirs, whatever it will be at the next update: ours is only put behind it.
  return own.join(' ') === after.slice(0, own.length).join(' ')
    ? [
        `${name}="\${${name}:+$${name} }${added.map((word) => word.replaceAll(/["\\$\`]/g, String.raw`\$&`)).join(' ')}"`,
      ]
    : [`${name}=${quoted(after.join(' '))}`];
};

/** Assignments that put parameters into GRUB's command line; empty where all of them are there. Pure. */
export const grubAssignments = (values: GrubValues, variables: Variables, wanted: readonly string[]): string => {
  const both = splitCmdline(mergeReferring(`${values.linux} ${border} ${values.normal}`, variables, wanted));
  const at = both.indexOf(border);
  if (at < 0)
    throw new Kvm4nfvError('E_BOOTLOADER', `a quote in GRUB's command line is not closed: ${lineOfValues(values)}`, {
      hint: `Mend it in ${grubDefaults} or ${grubDropIns}.`,
    });
  return [
    ...assign('GRUB_CMDLINE_LINUX', values.linux, both.slice(0, at)),
    ...assign('GRUB_CMDLINE_LINUX_DEFAULT', values.normal, both.slice(at + 1)),
  ]
    .map((line) => `${line}\n`)
    .join('');
};

/** A name behind those of all others, by bytes as by any language. */
export const dropInBehind = (others: readonly string[]): string => {
  const longest = Math.max(
    1,
    ...others.map((path) => (/^z*/i.exec(path.slice(path.lastIndexOf('/') + 1))?.[0] ?? '').length),
  );
  return `${grubDropIns}/${'z'.repeat(longest + 1)}-kvm4nfv.cfg`;
};

export const dropInText = (assignments: string): string =>
  `# Written by kvm4nfv and removed again by it: what its tuning adds to the command line of the kernel.\n${assignments}`;

/** The defaults file with our assignments at its end, and without those of an earlier run. */
export const withOwnBlock = (defaults: string, assignments: string): string => {
  const lines = defaults.split('\n');
  const [from, to] = [
    lines.findIndex((entry) => entry.startsWith(begin)),
    lines.findIndex((entry) => entry.startsWith(end)),
  ];
  const others = from < 0 || to < from ? defaults : [...lines.slice(0, from), ...lines.slice(to + 1)].join('\n');
  return `${others}${others === '' || others.endsWith('\n') ? '' : '\n'}${begin}\n${assignments}${end}\n`;
};
