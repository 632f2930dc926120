import { outputOf, text, command, names, type Request, type Snapshot } from '../reading.js';
import { splitCmdline } from '../cmdline.js';
import { grubConfigs, grubEnvironment } from './grub.js';
import { unproven } from './prove.js';
import { expandReferences, mergeReferring, type Variables } from './references.js';
import { no, prove, type Bootloader, type NoBootloader } from './step.js';

const places = ['/boot', '/efi', '/boot/efi'];
const grubby = ['grubby', '--info=DEFAULT'] as const;

export const entryRequests: readonly Request[] = [
  ...places.flatMap((place) => [text(`${place}/loader/entries/*.conf`), text(`${place}/loader/loader.conf`)]),
  // Unified kernel images stand beside them.
  ...places.map((place) => names(`${place}/EFI/Linux/*.efi`)),
  command(...grubby),
];

/** A Boot Loader Specification entry that starts a Linux kernel. */
export interface LoaderEntry {
  readonly path: string;
  readonly text: string;
  /** All of its `options` lines, which add up. */
  readonly options: string;
  readonly title: string;
}

const values = (content: string, key: string): string[] =>
  content.split('\n').flatMap((entry) => {
    const match = /^([a-z-]+)[ \t]+(.*?)[ \t\r]*$/.exec(entry);
    return match?.[1] === key ? [match[2] ?? ''] : [];
  });

/** Entries for the rescue of a machine keep theirs. */
const isRescue = ({ path, title }: LoaderEntry): boolean => /-0-rescue|rescue|recovery/i.test(`${path} ${title}`);

export const loaderEntries = (now: Snapshot): LoaderEntry[] =>
  [...now.texts]
    .filter(([path]) => path.includes('/loader/entries/'))
    .map(([path, content]) => ({
      path,
      text: content,
      options: values(content, 'options').join(' '),
      title: values(content, 'title')[0] ?? '',
    }))
    .filter((entry) => values(entry.text, 'linux').length > 0 && !isRescue(entry));

/** The entry with one `options` line in the place of all it has. */
export const withOptions = (content: string, options: string): string => {
  const isOptions = (entry: string): boolean => /^options(?:[ \t]|$)/.test(entry);
  const lines = content.split('\n');
  const at = lines.findIndex(isOptions);
  if (at < 0) return `${content}${content.endsWith('\n') ? '' : '\n'}options ${options}\n`;
  return lines
    .flatMap((entry, index) => (index === at ? [`options ${options}`] : isOptions(entry) ? [] : [entry]))
    .join('\n');
};

/** What GRUB puts in the place of `$kernelopts`: its environment block, else what its menu sets. systemd-boot puts in nothing. */
const variablesOf = (now: Snapshot): Variables =>
  new Map([...grubConfigs(now).flatMap(({ config }) => [...config.variables]), ...grubEnvironment(now)]);

/** Where GRUB's own tool for these entries is there, it says the same of the default one. */
const saidByGrubby = (now: Snapshot): string | undefined => {
  const output = outputOf(now, ...grubby);
  return output?.exitCode === 0 ? /^args="(.*)"$/m.exec(output.stdout)?.[1] : undefined;
};

const rootOf = (line: string): string | undefined => splitCmdline(line).findLast((token) => token.startsWith('root='));

/** Boot Loader Specification: the options of every entry, as Fedora's GRUB and systemd-boot read them. */
export const entriesOf = (
  now: Snapshot,
  cmdline: string,
  reader: 'grub' | 'systemd-boot',
): Bootloader | NoBootloader => {
  const variables: Variables = reader === 'grub' ? variablesOf(now) : new Map();
  const fallback = variables.has('default_kernelopts') ? '$default_kernelopts' : '';
  const entries = loaderEntries(now).map((entry) => ({ ...entry, options: entry.options || fallback }));
  const expand = (line: string): string => expandReferences(line, variables);
  const running = rootOf(cmdline);
  const fits = entries.filter(({ options }) => {
    const root = rootOf(expand(options));
    return running === undefined || root === undefined || root === running;
  });
  const [first] = fits;
  if (first === undefined)
    return no(
      entries.length === 0
        ? 'no entry of the Boot Loader Specification is to be seen'
        : `the running kernel has ${running ?? ''}, and no entry in ${places.map((place) => `${place}/loader/entries`).join(', ')} has it: something else booted it`,
      'Mount the partition that it was booted from, or set the parameters by hand.',
    );
  const booted = fits.find(({ options }) =>
    splitCmdline(expand(options)).every((token) => splitCmdline(cmdline).includes(token)),
  );
  return {
    name: 'bls',
    configured: expand((booted ?? first).options),
    set: (wanted) => {
      const changed = entries.flatMap((entry) => {
        const options = mergeReferring(entry.options, variables, wanted);
        return options === entry.options ? [] : [{ ...entry, after: withOptions(entry.text, options) }];
      });
      if (changed.length === 0) return undefined;
      return {
        changes: changed.map(({ path, text: before, after }) => ({
          change: { kind: 'file', path, before, after },
          action: { kind: 'install', path, text: after },
        })),
        requests: entryRequests,
        then: (after) => {
          const fresh = new Map(loaderEntries(after).map((entry) => [entry.path, entry.options || fallback]));
          const said = reader === 'grub' ? saidByGrubby(after) : undefined;
          prove(
            [
              ...entries.flatMap(({ path, options }) =>
                unproven(expand(options), expand(fresh.get(path) ?? ''), wanted).map((what) => `${path}: ${what}`),
              ),
              ...(said === undefined ? [] : unproven(expand(said), expand(said), wanted)).map(
                (what) => `grubby says of the default entry: ${what}`,
              ),
            ],
            'What was changed is put back. Look what else writes these entries.',
          );
          return undefined;
        },
      };
    },
  };
};
