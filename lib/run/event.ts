import * as z from 'zod';
import { identifier } from './redact-tree.js';
import {
  codeSchema,
  contextResultSchema,
  factsSchema,
  faultSchema,
  problemSchema,
  testSchema,
  trialSchema,
  verdictSchema,
} from './result.js';

const id = identifier(z.string());

/** The process that runs the suite, so told that `cleanup` can see whether it still lives. */
const controllerSchema = z.strictObject({
  host: id,
  pid: z.int(),
  machine: id,
  boot: id,
  namespace: id,
  started: id,
});

const index = z.int().min(0);
const plannedTest = testSchema.pick({ name: true, scenario: true, context: true, tags: true, parameters: true });

/** What happened in a run, one JSON object a line of `events.ndjson`; `result.json` is derived from these and nothing else. */
const bodies = [
  z.strictObject({
    type: z.literal('run-started'),
    schemaVersion: z.literal(1),
    runId: id,
    kvm4nfv: id,
    suite: z.strictObject({ name: id, file: id, sha256: id }),
    controller: controllerSchema,
    /** How to reach the hosts again, for `cleanup`: `${env:NAME}` stands as it was written, and `$${` for a plain `${`. */
    hosts: identifier(z.record(z.string(), z.record(z.string(), z.unknown()))),
    /** Files of plug-ins, for `cleanup`. */
    plugins: z.array(id).default([]),
    tests: z.int(),
    /** Sum of what the trials will measure where that is known, ns. */
    expected: z.number(),
  }),
  z.strictObject({
    type: z.literal('host-facts'),
    host: id,
    phase: z.enum(['before', 'after']),
    facts: factsSchema,
  }),
  z.strictObject({ type: z.literal('context-stage'), context: id, stage: z.string() }),
  z.strictObject({ type: z.literal('context-deployed'), context: id, result: contextResultSchema }),
  z.strictObject({ type: z.literal('context-destroyed'), context: id, facts: factsSchema.optional() }),
  z.strictObject({ type: z.literal('provisioned'), host: id, packages: z.array(z.string()) }),
  z.strictObject({ type: z.literal('test-started'), index, test: plannedTest, trials: z.int().nullable() }),
  z.strictObject({
    type: z.literal('trial-started'),
    index,
    trial: id,
    warmUp: z.boolean(),
    expected: z.number().nullable(),
  }),
  z.strictObject({ type: z.literal('trial-finished'), index, trial: trialSchema }),
  z.strictObject({
    type: z.literal('test-finished'),
    index,
    verdict: verdictSchema,
    reasons: z.array(z.string()),
    fault: faultSchema.optional(),
    code: codeSchema,
  }),
  z.strictObject({ type: z.literal('problem'), problem: problemSchema }),
  z.strictObject({ type: z.literal('run-finished') }),
] as const;

export const bodySchema = z.discriminatedUnion('type', [...bodies]);
export const eventSchema = bodySchema.and(z.object({ seq: z.int(), at: z.iso.datetime() }));

/** An event before it is numbered and stamped. */
export type EventBody = z.output<typeof bodySchema>;
export type RunEvent = EventBody & { readonly seq: number; readonly at: string };

/** The JSON Schema of a line of `events.ndjson`, draft 2020-12. */
export const eventJsonSchema = (): object => z.toJSONSchema(eventSchema, { io: 'output' });
