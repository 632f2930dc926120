import { defineRunner, parseDuration, parseSize, z, type TrialFeedback } from '../lib/plugin.js';
import { range } from './range.js';
import { looksAt, outline, repeat, repetition } from './repetition.js';
import { shuffled } from './shuffle.js';

const bound = z.union([z.number(), z.string()]);
const rangeSchema = z
  .strictObject({ from: bound, to: bound, step: bound })
  .meta({ description: 'An arithmetic range, both ends included: numbers, durations (`200us`) or sizes (`64B`).' });
type Range = z.output<typeof rangeSchema>;

interface Scale {
  readonly parse: (value: string | number) => number | undefined;
  readonly write: (value: number) => string | number;
}

const scales: readonly Scale[] = [
  { parse: (value) => (typeof value === 'number' ? value : undefined), write: (value) => value },
  {
    parse: (value) => (typeof value === 'string' ? parseDuration(value) : undefined),
    write: (value) => `${String(value)}ns`,
  },
  {
    parse: (value) => (typeof value === 'string' ? parseSize(value) : undefined),
    write: (value) => `${String(value)}B`,
  },
];

const mostValues = 10_000;

/** The values of a range; undefined where its parts are of different kinds, or it never ends. */
const valuesOf = ({ from, to, step }: Range): readonly (string | number)[] | undefined => {
  for (const { parse, write } of scales) {
    const [first, last, stride] = [from, to, step].map(parse);
    if (first === undefined || last === undefined || stride === undefined) continue;
    return range(first, last, stride, mostValues)?.map(write);
  }
  return undefined;
};

const axis = z.union([z.array(z.unknown()).min(1), rangeSchema]).transform((values, context): readonly unknown[] => {
  if (Array.isArray(values)) return values;
  const list = valuesOf(values);
  if (list !== undefined) return list;
  context.issues.push({
    code: 'custom',
    input: values,
    message: `expected a range of one kind that ends within ${String(mostValues)} steps, such as {from: 100us, to: 1ms, step: 100us}`,
  });
  return z.NEVER;
});

const options = z.strictObject({
  over: z.record(z.string(), axis).meta({
    description: 'Options of the scenario and the values that each takes: a list or a range. Several are combined.',
  }),
  order: z.enum(['given', 'shuffled']).default('given'),
  seed: z.int().min(0).default(1).meta({ description: 'Of the shuffling: the same seed gives the same order.' }),
  repeat: z.int().min(1).default(1).meta({ description: 'Trials with each combination.' }),
  ...repetition,
});
type Options = z.output<typeof options>;

const combinations = (over: Options['over']): Record<string, unknown>[] =>
  Object.entries(over).reduce<Record<string, unknown>[]>(
    (all, [name, values]) => all.flatMap((so) => values.map((value) => ({ ...so, [name]: value }))),
    [{}],
  );

const ordered = ({ over, order, seed, repeat: times }: Options): Record<string, unknown>[] => {
  const all = combinations(over).flatMap((parameters) => Array.from({ length: times }, () => parameters));
  return order === 'shuffled' ? shuffled(all, seed) : all;
};

function* each(list: readonly Record<string, unknown>[]): Generator<Record<string, unknown>, undefined, TrialFeedback> {
  yield* list;
  return undefined;
}

/** A trial for each combination of values of some options. */
export const sweep = defineRunner<Options>({
  type: 'sweep',
  summary: 'A trial for each combination of values of some options of the scenario, in order or shuffled',
  options,
  preview: (chosen) => {
    const parameters = combinations(chosen.over);
    const trials = parameters.length * chosen.repeat + chosen.warm_up;
    return { parameters, trials: chosen.stop_on === undefined ? trials : undefined, ...outline(chosen) };
  },
  slas: looksAt,
  trials: (chosen) => {
    const list = ordered(chosen);
    return repeat(chosen, list[0] ?? {}, each(list));
  },
});
