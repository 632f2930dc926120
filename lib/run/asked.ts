import * as z from 'zod';
import { Kvm4nfvError } from '../error.js';
import type { PlannedTest } from './plan.js';
import type { RunnerOutcome, TrialParameters } from './runner.js';
import { optionsOf } from './trial.js';

const trialSchema = z.object({
  parameters: z.record(z.string(), z.json().optional()),
  warmUp: z.boolean().optional(),
  pause: z.number().min(0).optional(),
});

const outcomeSchema = z.object({ missed: z.array(z.string()).optional() }).optional();

const problem = ({ runner }: PlannedTest, what: string, { issues: [issue] }: z.ZodError): Kvm4nfvError => {
  const place = issue?.path.map(String).join('.') ?? '';
  const told = place === '' ? '' : `${place}: `;
  return new Kvm4nfvError('E_TRIAL', `runner '${runner.definition.type}' ${what}: ${told}${issue?.message ?? ''}`, {
    hint: 'tell its author; what it must give is RunnerDefinition of kvm4nfv/plugin',
  });
};

/** The next trial of a test's runner, whose parameters its scenario takes. Nobody compiles plug-ins against our types. */
export const askedTrial = (test: PlannedTest, asked: unknown): TrialParameters => {
  const parsed = trialSchema.safeParse(asked);
  if (!parsed.success) throw problem(test, 'asked for no trial', parsed.error);
  const { parameters, warmUp = false, pause = 0 } = parsed.data;
  try {
    optionsOf(test, parameters);
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    throw problem(test, `gives '${test.scenario.type}' options that don't fit`, error);
  }
  return { parameters, warmUp, pause };
};

/** What a test's runner found out in the end. */
export const askedOutcome = (test: PlannedTest, outcome: unknown): RunnerOutcome => {
  const parsed = outcomeSchema.safeParse(outcome);
  if (!parsed.success) throw problem(test, 'gave back no outcome', parsed.error);
  return parsed.data?.missed === undefined ? {} : { missed: parsed.data.missed };
};
