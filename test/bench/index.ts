/** `npm run bench [-- WORD...]`: measures the rows whose names contain one of the words and prints them as a table. */
import { readdir } from 'node:fs/promises';
import { met, ratioOf, type Outcome, type Row } from './row.js';

const isModuleOfRows = (value: unknown): value is { readonly rows: readonly Row[] } =>
  typeof value === 'object' && value !== null && 'rows' in value && Array.isArray(value.rows);

const loadRows = async (): Promise<Row[]> => {
  const names = (await readdir(import.meta.dirname))
    .filter((name) => name.endsWith('.ts') && name !== 'index.ts')
    .sort();
  const modules: unknown[] = await Promise.all(names.map(async (name): Promise<unknown> => import(`./${name}`)));
  return modules.flatMap((module) => (isModuleOfRows(module) ? module.rows : []));
};

const figure = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));

const wanted = ({ target }: Row): string =>
  'atMost' in target ? `<= ${String(target.atMost)}` : `>= ${String(target.atLeast)}`;

const measured = (row: Row, outcome: Outcome): readonly string[] => {
  const ratio = ratioOf(outcome);
  return [
    row.name,
    `${figure(outcome.ours)} ${row.unit}`,
    `${figure(outcome.reference)} ${row.unit} (${row.against})`,
    ratio.toFixed(3),
    wanted(row),
    met(row, ratio) ? 'yes' : 'NO',
  ];
};

/** The line of a row, and whether it counts as a miss. */
const measure = async (row: Row): Promise<{ readonly cells: readonly string[]; readonly missed: boolean }> => {
  const reason = await row.unable?.();
  if (reason !== undefined) return { cells: [row.name, '-', row.against, '-', wanted(row), reason], missed: false };
  try {
    const outcome = await row.run();
    return { cells: measured(row, outcome), missed: !met(row, ratioOf(outcome)) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { cells: [row.name, '-', row.against, '-', wanted(row), `FAILED: ${message}`], missed: true };
  }
};

const words = process.argv.slice(2);
const rows = (await loadRows()).filter((row) => words.length === 0 || words.some((word) => row.name.includes(word)));
const table: (readonly string[])[] = [['what', 'ours', 'reference', 'ratio', 'target', 'met']];
let missed = rows.length === 0;
for (const row of rows) {
  console.error(`bench: ${row.name}`);
  const line = await measure(row);
  table.push(line.cells);
  missed ||= line.missed;
}
const widths = (table[0] ?? []).map((_, column) => Math.max(...table.map((cells) => cells[column]?.length ?? 0)));
for (const cells of table)
  console.log(
    cells.map((cell, column) => (column === cells.length - 1 ? cell : cell.padEnd(widths[column] ?? 0))).join(' | '),
  );
if (missed) process.exitCode = 1;
