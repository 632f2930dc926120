import * as z from 'zod';
import { identifier, label } from './redact-tree.js';
import { hostFactsSchema, type HostFacts } from '../host/facts-schema.js';
import { verdicts } from '../sla/verdict.js';
import { states as knobStates } from '../tuning/judge.js';

export const verdictSchema = z
  .enum(verdicts)
  .meta({ id: 'verdict', description: 'From best to worst; the worst of the parts is the verdict of the whole.' });

/** The facts of a host, read-only. */
export const factsSchema: z.ZodType<HostFacts> = hostFactsSchema;

const labels = z
  .record(z.string(), label(z.string()))
  .meta({ description: 'Empty: the merge of all label sets of this metric.' });
const id = identifier(z.string());
const metricBase = { name: id, unit: id, labels };

/** Percentiles that every histogram is reported with. */
export const reportedPercentiles = [50, 90, 99, 99.9, 99.99, 99.999] as const;

export const histogramMetricSchema = z.strictObject({
  ...metricBase,
  kind: z.literal('histogram'),
  resolution: z.number().meta({ description: 'Values are whole multiples of this, as the tool reported them.' }),
  count: z.int().meta({ description: 'All samples, overflow included. Exact.' }),
  sum: z.number().meta({ description: 'Exact, as far as the tool tells; mean = sum / count.' }),
  leastSum: z.number().optional().meta({
    description:
      'Where the sum of samples beyond what the tool tracked is not known: the least that all can be; `sum` is the most.',
  }),
  overflow: z.array(z.strictObject({ count: z.int(), above: z.number(), max: z.number() })).meta({
    description: 'Samples beyond what the tool tracked: none is below `above`, the greatest is `max`.',
  }),
  min: z.number().nullable().meta({ description: 'Exact; null without samples, or where the tool does not tell it.' }),
  max: z.number().nullable().meta({ description: 'Exact; null without samples.' }),
  mean: z.number().nullable().meta({ description: 'null without samples, or where the sum is not known.' }),
  percentiles: z
    .record(z.string(), z.number().nullable())
    .meta({ description: 'Never interpolated. null: fewer than 10/(1-N) samples, not supported by the data.' }),
  histogram: identifier(z.string().meta({ description: 'HDR histogram, V2 compressed, base64 (HISTF...).' })),
  bins: identifier(z.string()).optional().meta({
    description:
      'All bins, where the HDR histogram would mix some: lines `value count`, values in units of the resolution, deflated (zlib), base64.',
  }),
});
export const valueMetricSchema = z.strictObject({
  ...metricBase,
  kind: z.enum(['counter', 'gauge']),
  value: z.number().meta({ description: 'Of several trials: the sum of a counter, the mean of a gauge.' }),
  values: z.array(z.number()).optional().meta({ description: 'Of a gauge over several trials: its value in each.' }),
});
export const metricSchema = z
  .discriminatedUnion('kind', [histogramMetricSchema, valueMetricSchema])
  .meta({ id: 'metric' });
export type ResultMetric = z.output<typeof metricSchema>;
export type HistogramMetric = z.output<typeof histogramMetricSchema>;
export type ValueMetric = z.output<typeof valueMetricSchema>;

export const slaOutcomeSchema = z
  .strictObject({
    expression: id,
    severity: z.enum(['fail', 'warn']),
    observed: z
      .number()
      .nullable()
      .meta({ description: 'In the base unit; null where the data does not support it; the worse end of `bounds`.' }),
    bounds: z
      .strictObject({ low: z.number(), high: z.number() })
      .optional()
      .meta({ description: 'Where the tool does not tell the value exactly: between what it lies.' }),
    unit: id,
    verdict: verdictSchema,
    reason: z.string().optional(),
    trial: id.optional().meta({ description: 'Of a test with several trials: the one that this is of.' }),
  })
  .meta({ id: 'slaOutcome' });
export type SlaOutcome = z.output<typeof slaOutcomeSchema>;

const parameters = z.record(z.string(), z.unknown());

export const faultSchema = z.enum([
  'usage',
  'environment',
  'unreachable',
  'tool',
  'internal',
  'teardown',
  'interrupted',
]);

export const codeSchema = z
  .string()
  .regex(/^E_[A-Z_]+$/)
  .optional()
  .meta({ description: 'Which error it was, such as E_NO_CPU; docs/errors.md lists all.' });

const code = codeSchema;
const fault = faultSchema.optional().meta({ description: 'What kind of trouble an error was.' });

export const trialSchema = z
  .strictObject({
    id,
    parameters,
    warmUp: z.boolean().meta({ description: 'Measured, kept, not judged.' }),
    verdict: verdictSchema,
    reasons: z.array(z.string()),
    fault,
    code,
    startedAt: z.iso.datetime(),
    endedAt: z.iso.datetime(),
    duration: z.number().meta({ description: 'How long was measured by the clock of the machine, ns.' }),
    metrics: z.array(metricSchema),
    sla: z.array(slaOutcomeSchema),
    overhead: z
      .strictObject({
        cpu: z
          .number()
          .meta({ description: 'CPU time that our own processes used on the machine during the window, ns.' }),
        window: z.number().meta({ description: 'Length of the window, ns.' }),
        share: z.number().meta({ description: 'cpu / window: the part of one CPU.' }),
      })
      .optional(),
    load: z.array(z.string()).meta({ description: 'Commands that ran as load during the window.' }),
    notes: z.record(z.string(), z.string()),
  })
  .meta({ id: 'trial' });
export type ResultTrial = z.output<typeof trialSchema>;

export const testSchema = z
  .strictObject({
    name: id,
    scenario: id,
    context: id,
    tags: z.array(id),
    parameters,
    verdict: verdictSchema,
    reasons: z.array(z.string()),
    fault,
    code,
    metrics: z
      .array(metricSchema)
      .meta({ description: 'Merged over the judged trials, where these had the same parameters.' }),
    trials: z.array(trialSchema),
    sla: z.array(slaOutcomeSchema).meta({ description: 'For each expression the worst of the trials.' }),
  })
  .meta({ id: 'test' });
export type ResultTest = z.output<typeof testSchema>;

export const problemSchema = z
  .strictObject({ where: id, fault: faultSchema, code, message: z.string(), hint: z.string().optional() })
  .meta({ id: 'problem' });
export type Problem = z.output<typeof problemSchema>;

const itemSchema = {
  requested: z.string(),
  effective: z.string().optional(),
  state: z.enum(knobStates),
  reason: z.string().optional(),
};

/** A knob after tuning: what was asked for, and what the machine shows. */
export const knobResultSchema = z
  .strictObject({
    knob: id,
    ...itemSchema,
    named: z.boolean().optional().meta({ description: 'The suite names the knob, and not only a profile.' }),
    items: z.array(
      z.strictObject({
        label: z.string(),
        ...itemSchema,
        excused: z.boolean().optional().meta({ description: 'Known and harmless: stops nobody.' }),
      }),
    ),
  })
  .meta({ id: 'knobResult' });
export type KnobOutcome = z.output<typeof knobResultSchema>;

export const tuningResultSchema = z.strictObject({
  profile: id,
  knobs: z.array(knobResultSchema),
});

export const contextResultSchema = z.strictObject({
  type: id,
  on: id,
  traits: z
    .record(z.string(), z.union([z.boolean(), z.string()]))
    .meta({ description: '`emulated`: the guest ran under TCG and its latencies say nothing about hardware.' }),
  facts: factsSchema.optional(),
  tuning: tuningResultSchema.optional(),
});

export const resultSchema = z
  .strictObject({
    schemaVersion: z.literal(1),
    runId: id,
    kvm4nfv: identifier(z.string().meta({ description: 'Version of the package.' })),
    suite: z.strictObject({ name: id, file: id, sha256: id }),
    startedAt: z.iso.datetime(),
    endedAt: z.iso.datetime().nullable().meta({ description: 'null: the run was killed before its end.' }),
    verdict: verdictSchema,
    exitCode: z.int(),
    environment: z
      .record(z.string(), factsSchema)
      .meta({ description: 'Facts of each host before anything was measured.' }),
    environmentChanges: z
      .record(z.string(), z.array(z.string()))
      .meta({ description: 'Facts that were different afterwards, by host.' }),
    contexts: z.record(z.string(), contextResultSchema),
    provisioned: z.record(z.string(), z.array(z.string())).meta({ description: 'Packages installed, by machine.' }),
    tests: z.array(testSchema),
    problems: z
      .array(problemSchema)
      .meta({ description: 'Trouble outside of trials: connecting, deploying, taking down.' }),
  })
  .meta({ id: 'result', title: 'Result of a kvm4nfv run' });
export type Result = z.output<typeof resultSchema>;

/** The JSON Schema of `result.json`, draft 2020-12. */
export const resultJsonSchema = (): object => z.toJSONSchema(resultSchema, { io: 'output' });
