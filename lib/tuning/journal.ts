import * as z from 'zod';
import { Kvm4nfvError } from '../error.js';
import { isAspect, type Aspect } from './aspect.js';

export const stateDirectory = '/var/lib/kvm4nfv';
/** The name under which changes of the boot loader are journalled. */
export const commandLineKnob = 'kernel-command-line';
export const journalDirectory = `${stateDirectory}/journal`;

const runIds = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
/**
 * Where the journal of a run lies on the host; one that is put back by itself has a directory of its own, with its own
 * lease. A run id that is no plain name is a `usage` error.
 */
export const journalOf = (run: string, directory: string = stateDirectory): string => {
  if (!runIds.test(run) || run.includes('..'))
    throw new Kvm4nfvError('E_JOB_NAME', `not a run id: ${JSON.stringify(run)}`);
  return `${directory}/journal/${run}.ndjson`;
};

/** One of several tunings that a run has on a host at a time: each has a journal of its own. */
export interface Layer {
  /** Those set later have greater ones, and are put back first. */
  readonly number: number;
  /** Of the context whose tuning it is. */
  readonly name: string;
}

/** Where the journal of a layer lies. `@` is in no run id. */
export const journalOfLayer = (run: string, { number, name }: Layer): string => {
  if (!runIds.test(name)) throw new Kvm4nfvError('usage', `not a name of a tuning: ${JSON.stringify(name)}`);
  return journalOf(run).replace(/\.ndjson$/, `@${String(number).padStart(6, '0')}-${name}.ndjson`);
};

/** Matches the journals of all layers of a run. */
export const layersOf = (run: string, directory?: string): string =>
  journalOf(run, directory).replace(/\.ndjson$/, '@*.ndjson');

/** The run that a journal belongs to, whether it is of one layer or of the whole run. */
export const runOfJournal = (path: string): string =>
  path.slice(path.lastIndexOf('/') + 1, -'.ndjson'.length).replace(/@.*$/, '');

const aspect = z.custom<Aspect>(isAspect, 'not an aspect');
const argv = z.array(z.string()).min(1).readonly();
const placeSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('file'), path: z.string() }),
  z.object({ kind: z.literal('link'), path: z.string() }),
  z.object({ kind: z.literal('command'), argv }),
]);

const changeSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('value'), path: z.string(), aspect, before: z.string(), after: z.string() }),
  /** null: no such file. */
  z.object({ kind: z.literal('file'), path: z.string(), before: z.string().nullable(), after: z.string().nullable() }),
  z.object({
    kind: z.literal('action'),
    place: placeSchema,
    aspect,
    before: z.string(),
    after: z.string(),
    argv,
    undo: argv,
    /** It is written to a disk, so that it outlives a reboot. */
    persists: z.boolean().optional(),
  }),
  z.object({ kind: z.literal('directory'), path: z.string() }),
  /** To be run after everything that was changed later has been put back, whatever the host shows. */
  z.object({ kind: z.literal('after-undo'), argv }),
]);
/** One change of a host, with all that is needed to undo it. */
export type Change = z.output<typeof changeSchema>;

const entrySchema = z.object({
  version: z.literal(1),
  run: z.string(),
  /** Boot id of the host when the change was made: what lives in memory only is gone with the boot. */
  boot: z.string(),
  knob: z.string(),
  label: z.string(),
  change: changeSchema,
});
export type JournalEntry = z.output<typeof entrySchema>;

const refusalSchema = z.object({
  version: z.literal(1),
  run: z.string(),
  boot: z.string(),
  /** What the host answered when the run set it: another process that verifies can't ask again. */
  refused: z.object({ place: z.string(), status: z.int(), said: z.string() }),
});
export type JournalledRefusal = z.output<typeof refusalSchema>;

export const encodeEntry = (entry: JournalEntry | JournalledRefusal): string => JSON.stringify(entry);

const isRefusal = (entry: JournalEntry | JournalledRefusal): entry is JournalledRefusal => 'refused' in entry;

const lineSchema = z.union([entrySchema, refusalSchema]);

/**
 * Reads the lines of a journal. A last line that broke off was never followed by its change, and is left out; any other line that
 * is none of ours is an `internal` error: guessing what to restore would be worse than stopping.
 */
const linesOf = (text: string, path: string): (JournalEntry | JournalledRefusal)[] => {
  const complete = text.slice(0, text.lastIndexOf('\n') + 1);
  return complete
    .split('\n')
    .filter((entry) => entry !== '')
    .map((entry, index) => {
      try {
        return lineSchema.parse(JSON.parse(entry));
      } catch (cause) {
        throw new Kvm4nfvError(
          'E_JOURNAL',
          `${path}:${String(index + 1)}: not an entry of a journal: ${entry.slice(0, 80)}`,
          {
            hint: 'Restore what it names by hand, then remove the file.',
            cause,
          },
        );
      }
    });
};

/** The changes that a journal tells of, with {@link linesOf}'s errors. */
export const parseJournal = (text: string, path: string): JournalEntry[] =>
  linesOf(text, path).filter((entry): entry is JournalEntry => !isRefusal(entry));

/** What the host refused, with {@link linesOf}'s errors. */
export const refusalsIn = (text: string, path: string): JournalledRefusal[] => linesOf(text, path).filter(isRefusal);

/** Whether the change outlives a reboot. */
export const persists = (change: Change): boolean => {
  switch (change.kind) {
    case 'value':
      return false;
    case 'file':
    case 'after-undo':
      return true;
    case 'action':
      return change.persists === true;
    case 'directory':
      return !/^\/(?:sys|proc|dev|run)\//.test(change.path);
  }
};
