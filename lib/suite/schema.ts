import * as z from 'zod';
import { hostSchema } from '../host/spec.js';
import { loadSchema } from '../run/load.js';
import { tuningSchema } from '../tuning/tuning-schema.js';

const text = z.string().min(1);
const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'expected letters, digits, dots, dashes and underscores');
const variable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_-]*$/, 'expected letters, digits, dashes and underscores');

/** What every context has; the rest is its type's own. */
export const contextKeys = {
  type: text.meta({ description: 'Type of the context.' }),
  host: name
    .meta({ description: 'The host, or another context, that it is deployed on. Default: local.' })
    .default('local'),
  tuning: tuningSchema
    .optional()
    .meta({ description: 'Knobs that are set on its machine before anything is measured, and put back afterwards.' }),
  provision: z
    .boolean()
    .meta({ description: 'Install tools that a scenario needs and that are missing. Default: false.' })
    .default(false),
} as const;
export const contextSchema = z.looseObject(contextKeys);

export const runnerSchema = z.looseObject({ type: text.meta({ description: 'Type of the runner.' }) });

export const slaSchema = z
  .union([
    text.meta({ description: 'A limit on a metric, such as `p99.99 <= 20us`, `max <= 50us`, `over(20us) <= 0`.' }),
    z.strictObject({
      expression: text,
      severity: z.enum(['fail', 'warn']).meta({ description: 'What breaking it gives.' }).default('fail'),
    }),
  ])
  .meta({ examples: ['p99.99 <= 20us'] });

export const slasSchema = z
  .union([slaSchema, z.array(slaSchema)])
  .meta({ description: 'What is good enough; each trial that is not a warm-up is judged.' });
export const tagsSchema = z.array(name).meta({ description: 'Names to choose tests by, with --tag.' });
export const loadsSchema = z
  .union([loadSchema, z.array(loadSchema)])
  .meta({ description: 'What else runs during the measured window.' });

const combination = z.record(variable, z.unknown());
export const matrixSchema = z
  .object({
    include: z
      .array(combination)
      .meta({ description: 'Adds keys to the combinations that they agree with, or adds a combination.' })
      .optional(),
    exclude: z
      .array(combination)
      .meta({ description: 'Takes out the combinations that have all these values.' })
      .optional(),
  })
  .catchall(z.array(z.unknown()).min(1))
  .meta({
    description:
      'Lists of values by key; one test is generated for each combination, and `${key}` stands for its value.',
  });

const testParts = {
  context: text.meta({ description: 'Name of the context to run in.' }),
  tags: tagsSchema,
  load: loadsSchema,
  runner: runnerSchema.meta({ description: 'How trials follow one another. Default: one iteration.' }),
  sla: slasSchema,
} as const;

export const testSchema = z.strictObject({
  name: text.meta({
    description: 'Unique. `${key}` stands for a value of the matrix; keys that it does not name are appended.',
  }),
  scenario: text.meta({ description: 'What is measured.' }),
  context: testParts.context.optional(),
  tags: testParts.tags.optional(),
  options: z.record(z.string(), z.unknown()).meta({ description: 'Options of the scenario.' }).optional(),
  load: testParts.load.optional(),
  runner: testParts.runner.optional(),
  matrix: matrixSchema.optional(),
  sla: testParts.sla.optional(),
});

export const defaultsSchema = z
  .strictObject({
    context: testParts.context.optional(),
    tags: testParts.tags.optional(),
    load: testParts.load.optional(),
    runner: testParts.runner.optional(),
    sla: testParts.sla.optional(),
  })
  .meta({
    description:
      'For tests that do not have the key themselves. One set for the whole suite: a file overrides those of the files that it includes.',
  });

const sections = {
  suite: text.meta({ description: 'Name of the suite.' }),
  plugins: z.array(text).meta({
    description: 'Modules with more scenarios, runners and contexts: ./paths from this file, or package names.',
  }),
  include: z.array(text).meta({
    description:
      'Files whose hosts, contexts, params, defaults and tests belong to this suite too; relative to this file.',
  }),
  params: z.record(variable, z.unknown()).meta({
    description:
      'Values for `${name}`, with their defaults; --param name=value overrides. Without a default one must be given.',
  }),
  parallel: z
    .int()
    .min(1)
    .max(1000)
    .meta({ description: 'How many tests that share no machine run at once. Default: 1.' }),
  hosts: z.record(name, hostSchema).meta({ description: 'Machines by name. `local` is always there: this machine.' }),
  contexts: z.record(name, contextSchema).meta({ description: 'Places where tests run, by name.' }),
  defaults: defaultsSchema,
  tests: z.array(testSchema),
} as const;

/** Keys at the top that hold anchors, as in Compose and in GitLab's CI: nothing reads them. */
export const isAnchorKey = (key: string): boolean => key.startsWith('x-') || key.startsWith('.');

/** A suite file, context options, runner options and scenario options being open. Those of included files need no `suite`. */
export const fileSchema = z.strictObject({
  suite: sections.suite.optional(),
  plugins: sections.plugins.optional(),
  include: sections.include.optional(),
  params: sections.params.optional(),
  parallel: sections.parallel.optional(),
  hosts: sections.hosts.optional(),
  contexts: sections.contexts.optional(),
  defaults: sections.defaults.optional(),
  tests: sections.tests.optional(),
});

const open = (shape: Readonly<Record<string, unknown>>): Record<string, z.ZodOptional<z.ZodUnknown>> =>
  Object.fromEntries(Object.keys(shape).map((key) => [key, z.unknown().optional()]));
const mapping = z.record(z.string(), z.unknown());

/** The outline of a file: which keys there are, before substitution says what their values are. */
export const outlineSchema = z.strictObject({
  suite: sections.suite.optional(),
  plugins: sections.plugins.optional(),
  include: sections.include.optional(),
  params: sections.params.optional(),
  parallel: sections.parallel.optional(),
  hosts: z.record(name, mapping).optional(),
  contexts: z.record(name, mapping).optional(),
  defaults: z.strictObject(open(defaultsSchema.shape)).optional(),
  tests: z.array(z.strictObject(open(testSchema.shape))).optional(),
});
