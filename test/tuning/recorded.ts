import { readFileSync } from 'node:fs';
import { simulateTuning, type SimulatedTuning, type SimulateTuningOptions } from '../../lib/tuning/simulate.js';
import { verifyTuning } from '../../lib/tuning/engine.js';
import type { KnobResult } from '../../lib/tuning/judge.js';
import { tuningOf } from './machine.js';
import { SimulatedHost, type SimulatedCommand, type SimulatedWrite } from '../../lib/host/simulated.js';

const machines = new URL('../fixtures/tuning/machines/', import.meta.url);

/** `/cpu{0..7}/online` is a file for each number, with `{}` in the text standing for it. */
const spread = (path: string, text: string): [string, string][] => {
  const [range, first, last] = /\{(\d+)\.\.(\d+)\}/.exec(path) ?? [];
  if (range === undefined) return [[path, text]];
  return Array.from({ length: Number(last) - Number(first) + 1 }, (_, index) => {
    const number = String(Number(first) + index);
    return [path.replace(range, number), text.replaceAll('{}', number)];
  });
};

/** Files of a machine in test/fixtures/tuning/machines: `### /path` and the text below; `@include NAME`, `@without PATTERN` change what was before. */
export const filesOf = (name: string): Record<string, string> => {
  const files = new Map<string, string>();
  for (const part of readFileSync(new URL(`${name}.txt`, machines), 'utf8').split(/^(?=### |@)/m)) {
    const [head = '', ...rest] = part.replace(/\n$/, '').split('\n');
    const lines = rest.filter((line) => !line.startsWith('#-- '));
    const [word, argument = ''] = head.split(' ');
    if (word === '@include')
      for (const [path, text] of Object.entries(filesOf(argument.replace(/\.txt$/, '')))) files.set(path, text);
    else if (word === '@without') {
      const pattern = new RegExp(`^${argument}$`);
      for (const path of files.keys()) if (pattern.test(path)) files.delete(path);
    } else if (word === '###')
      for (const [path, text] of spread(argument, lines.length === 0 ? '' : `${lines.join('\n')}\n`))
        files.set(path, text);
  }
  return Object.fromEntries(files);
};

export interface RecordedOptions {
  readonly files?: Readonly<Record<string, string>>;
  readonly without?: readonly string[];
  readonly writes?: Readonly<Record<string, SimulatedWrite>>;
  readonly commands?: Readonly<Record<string, SimulatedCommand>>;
  readonly directories?: NonNullable<SimulateTuningOptions['directories']>;
}

/** A machine of test/fixtures/tuning/machines as a host on which tunings can be applied. */
export const recordedMachine = (
  name: string,
  { files = {}, without = [], writes = {}, commands: own = {}, directories = {} }: RecordedOptions = {},
): { readonly host: SimulatedHost; readonly state: SimulatedTuning } => {
  const all = Object.entries({ ...filesOf(name), ...files }).filter(([path]) => !without.includes(path));
  const { commands, state } = simulateTuning(() => host, { directories });
  const host: SimulatedHost = new SimulatedHost({
    files: Object.fromEntries(all),
    commands: { ...commands, ...own },
    writes,
  });
  return { host, state };
};

/** How one knob stands on a machine, named by the user. */
export const verified = async (
  machine: string,
  knobs: Record<string, unknown>,
  options: RecordedOptions = {},
  isolated = '2-3',
): Promise<KnobResult | undefined> => {
  const { host } = recordedMachine(machine, options);
  const [result] = await verifyTuning(
    host,
    await tuningOf({ profile: 'none', with: { isolated_cpus: isolated }, knobs: knobs as never }),
  );
  return result;
};
