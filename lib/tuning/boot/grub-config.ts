import { expandReferences, type Variables } from './references.js';
import { unasked, unproven } from './prove.js';

/** One entry of GRUB's menu that starts a Linux kernel. */
export interface MenuEntry {
  /** Its titles, those of submenus first. */
  readonly path: readonly string[];
  readonly ids: readonly string[];
  readonly index: readonly number[];
  readonly kernel: string;
  /** Parameters as they stand, references included. */
  readonly line: string;
  readonly initrd: string;
}

/** What a grub.cfg says of booting. */
export interface GrubConfig {
  readonly entries: readonly MenuEntry[];
  /** Its menu is read from Boot Loader Specification entries. */
  readonly blscfg: boolean;
  /** `set name=value` outside of entries; the last one counts. */
  readonly variables: Variables;
  /** What `default` is set to where no entry is chosen for one boot. */
  readonly fallback: string;
}

interface Open {
  readonly menu: boolean;
  readonly title: string;
  readonly id: string;
  readonly index: number;
  children: number;
}

const heading = /^\s*(?:menuentry|submenu)\s+(?:'((?:[^'])*)'|"((?:[^"\\]|\\.)*)"|(\S+))(.*)\{\s*$/;
const identifier = /(?:--id|\$menuentry_id_option|\$\{menuentry_id_option\})\s+['"]?([^'"\s]+)/;
const kernelLine = /^\s*(?:linux|linux16|linuxefi)\s+(\S+)[ \t]*(.*?)\s*$/;
/** The kernel of Xen's first domain. */
const moduleLine = /^\s*module2?\s+(?:--\S+\s+)*(\S*vmlinu\S+)[ \t]*(.*?)\s*$/;
const initrdLine = /^\s*(?:initrd|initrd16|initrdefi)\s+(.*?)\s*$/;
const setLine = /^\s*set\s+([A-Za-z_]\w*)=(?:"([^"]*)"|'([^']*)'|(\S*))\s*$/;

/** Where in the menu a line stands: the blocks that are open there, one in another. */
class Menus {
  readonly #open: Open[] = [];
  #top = 0;

  /** The menu entries and submenus around the line, outermost first. */
  get around(): readonly Open[] {
    return this.#open.filter(({ menu }) => menu);
  }

  /** Whether the line begins an entry or a submenu. */
  take(entry: string): boolean {
    const head = heading.exec(entry);
    if (head !== null) {
      const [, single, double, bare, rest = ''] = head;
      const parent = this.around.at(-1);
      const index = parent === undefined ? this.#top++ : parent.children++;
      const id = identifier.exec(rest)?.[1] ?? '';
      this.#open.push({ menu: true, title: single ?? double ?? bare ?? '', id, index, children: 0 });
    } else if (/\{\s*$/.test(entry)) this.#open.push({ menu: false, title: '', id: '', index: 0, children: 0 });
    else if (/^\s*\}\s*$/.test(entry)) this.#open.pop();
    return head !== null;
  }
}

const started = (entry: string, around: readonly Open[]): MenuEntry | undefined => {
  const [, kernel, line = ''] = kernelLine.exec(entry) ?? moduleLine.exec(entry) ?? [];
  if (kernel === undefined || around.length === 0) return undefined;
  const [path, ids, index] = [
    around.map(({ title }) => title),
    around.map(({ id }) => id),
    around.map((menu) => menu.index),
  ];
  return { path, ids, index, kernel, line, initrd: '' };
};

/** Reads the menu of a grub.cfg. Not its language: what it computes at boot is not known here. */
export const parseGrubConfig = (text: string): GrubConfig => {
  const menus = new Menus();
  const entries: MenuEntry[] = [];
  const variables = new Map<string, string>();
  let [fallback, blscfg] = ['0', false];
  for (const entry of text.replaceAll('\\\n', ' ').split('\n')) {
    if (menus.take(entry)) continue;
    const { around } = menus;
    const [start, last] = [started(entry, around), entries.at(-1)];
    if (start !== undefined) entries.push(start);
    else if (last !== undefined && around.length > 0)
      entries[entries.length - 1] = { ...last, initrd: initrdLine.exec(entry)?.[1] ?? last.initrd };
    const [, name, double, single, bare] = setLine.exec(entry) ?? [];
    const value = double ?? single ?? bare ?? '';
    if (name === 'default' && !value.includes('next_entry')) fallback = value;
    else if (name !== undefined && name !== 'default' && around.length === 0) variables.set(name, value);
    blscfg ||= /^\s*blscfg\b/.test(entry);
  }
  return { entries, blscfg, variables, fallback };
};

/** The entry that the next boot takes: by number, title or id, `>` between menus; undefined where it can't be told. */
export const defaultEntry = ({ entries, fallback }: GrubConfig, environment: Variables): MenuEntry | undefined => {
  const next = environment.get('next_entry') ?? '';
  const chosen = (next === '' ? expandReferences(fallback, environment) : next) || '0';
  const parts = chosen.split('>').map((part) => part.trim());
  const fits = ({ path, ids, index }: MenuEntry): boolean =>
    parts.every((part, depth) => part === path[depth] || part === ids[depth] || part === String(index[depth]));
  const found = entries.filter(fits);
  // A submenu's default is its first entry.
  return found.find(({ path }) => path.length === parts.length) ?? found[0];
};

const nameOf = ({ path, kernel }: MenuEntry): string => `${path.join(' > ')} (${kernel})`;

/** What differs between two menus beyond the parameters that were asked for; empty where nothing does. Pure. */
export const menuDifferences = (
  old: GrubConfig,
  fresh: GrubConfig,
  wanted: readonly string[],
  environment: Variables,
): string[] => {
  const key = (entry: MenuEntry): string => `${nameOf(entry)} ${entry.initrd}`;
  const gone = old.entries.filter((entry) => !fresh.entries.some((other) => key(other) === key(entry)));
  const come = fresh.entries.filter((entry) => !old.entries.some((other) => key(other) === key(entry)));
  if (gone.length + come.length > 0)
    return [
      ...gone.map((entry) => `its menu would lose ${nameOf(entry)}`),
      ...come.map((entry) => `its menu would get ${nameOf(entry)}`),
    ];
  const boots = defaultEntry(fresh, environment);
  const booted = boots === undefined ? undefined : old.entries.find((entry) => key(entry) === key(boots));
  const line = (config: GrubConfig, entry: MenuEntry): string =>
    expandReferences(entry.line, new Map([...config.variables, ...environment]));
  const told = fresh.entries.flatMap((entry, position) => {
    const before = old.entries.filter((other) => key(other) === key(entry));
    const nth = fresh.entries.slice(0, position).filter((other) => key(other) === key(entry)).length;
    const was = before[nth] ?? before[0];
    return was === undefined
      ? []
      : unasked(line(old, was), line(fresh, entry), wanted).map((what) => `${nameOf(entry)}: ${what}`);
  });
  if (boots === undefined || booted === undefined)
    return [...told, `the entry that it boots by default (${fresh.fallback}) is not in its menu`];
  return [
    ...told,
    ...unproven(line(old, booted), line(fresh, boots), wanted).map((what) => `${nameOf(boots)}, the default: ${what}`),
  ];
};
