import * as z from 'zod';
import type { Mutant } from './instrument.js';
import type { Room } from './rooms.js';

export type Fate = 'killed' | 'timed out' | 'survived' | 'not reached';

/** A survivor that may stay one: a change that makes no difference, or none that is worth a test. */
const acceptedSchema = z.array(
  z.strictObject({ file: z.string(), code: z.string(), change: z.string(), reason: z.string().min(10) }),
);
export type Accepted = z.output<typeof acceptedSchema>;

export const parseAccepted = (text: string): Accepted => acceptedSchema.parse(JSON.parse(text));

const isOf = (mutant: Mutant, { file, code, change }: Accepted[number]): boolean =>
  mutant.file === file && mutant.code === code && mutant.change === change;

export interface Tried {
  readonly mutant: Mutant;
  readonly fate: Fate;
}

const alive = ({ fate }: Tried): boolean => fate === 'survived' || fate === 'not reached';

/** Killed or timed out, of all of them, in percent. */
export const scoreOf = (tried: readonly Tried[]): number =>
  tried.length === 0 ? 100 : (100 * tried.filter((one) => !alive(one)).length) / tried.length;

const row = (name: string, tried: readonly Tried[]): readonly string[] => [
  name,
  ...[
    tried.length,
    ...(['killed', 'timed out', 'survived', 'not reached'] as const).map((fate) => count(tried, fate)),
  ].map(String),
  `${scoreOf(tried).toFixed(1)} %`,
];

const count = (tried: readonly Tried[], fate: Fate): number => tried.filter((one) => one.fate === fate).length;

export const renderTable = (rooms: readonly Room[], tried: readonly Tried[]): string => {
  const of = (room: Room): readonly Tried[] => tried.filter(({ mutant }) => room.files.includes(mutant.file));
  const rows = [
    ['room', 'mutants', 'killed', 'timed out', 'survived', 'not reached', 'score'],
    ...rooms.filter((room) => of(room).length > 0).map((room) => row(room.name, of(room))),
    row('all', tried),
  ];
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)));
  return rows
    .map((cells) =>
      cells
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join('  '),
    )
    .join('\n');
};

/** Those that live, the accepted ones with their reason; and what is accepted without being there. */
export const renderSurvivors = (all: readonly Mutant[], tried: readonly Tried[], accepted: Accepted): string => {
  const lines = tried.filter(alive).map(({ mutant, fate }) => {
    const reason = accepted.find((one) => isOf(mutant, one))?.reason;
    const note = reason ?? (fate === 'not reached' ? 'no test reaches it' : undefined);
    const mark = reason === undefined ? '' : 'accepted: ';
    return `${mutant.file}:${String(mutant.line)}: ${mutant.change}${note === undefined ? '' : `  (${mark}${note})`}`;
  });
  const files = new Set(all.map(({ file }) => file));
  const isIdle = (one: Accepted[number]): boolean => {
    const fates = tried.filter(({ mutant }) => isOf(mutant, one));
    return fates.length > 0 ? !fates.some(alive) : !all.some((mutant) => isOf(mutant, one));
  };
  const idle = accepted
    .filter((one) => files.has(one.file) && isIdle(one))
    .map(({ file, change }) => `${file}: ${change}: is accepted, but does not survive`);
  return [...lines, ...idle].join('\n');
};
