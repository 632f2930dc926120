import { Kvm4nfvError, messageOf, z } from '../../lib/plugin.js';

const count = z.int().min(0);

/** What cyclictest and oslat of rt-tests write alike. Unknown keys are let through: later versions add some. */
const resultJson = z.object({
  file_version: z.literal(1),
  rt_test_version: z.string().optional(),
  /** Spelt with a colon up to rt-tests 2.4 at least. */
  'rt_test_version:': z.string().optional(),
  num_threads: z.int().min(1),
  thread: z.record(z.string().regex(/^\d+$/), z.unknown()),
});

/** A histogram of rt-tests: upper edge or value, in the tool's unit, to samples. */
export const toolHistogram = z.record(z.string().regex(/^\d{1,13}$/), count);
export { count };

/** The first mistake, by its place: the others mostly follow from it. */
const problemOf = ({ issues: [issue] }: z.ZodError): string => {
  if (issue === undefined) return 'it does not fit';
  const place = issue.path.map(String).join('.');
  if (issue.code === 'invalid_type' && issue.message.endsWith('received undefined'))
    return `${place === '' ? 'all' : place} is missing`;
  return place === '' ? issue.message : `${place}: ${issue.message}`;
};

export interface ResultFile<Thread> {
  readonly version: string;
  readonly threads: readonly { readonly index: string; readonly thread: Thread }[];
  readonly document: unknown;
}

/** printf writes what is no number as `nan` or `-nan`, a mean of no samples for instance; JSON has no word for it. */
const withoutNan = (text: string): string => text.replace(/(":\s*)-?(?:nan|inf)\b/g, '$1null');

/** Reads the `--json` file of an rt-tests tool; every announced thread must be there. */
export const readResult = <Thread>(tool: string, text: string, schema: z.ZodType<Thread>): ResultFile<Thread> => {
  const fail = (what: string): never => {
    throw new Kvm4nfvError('E_TOOL_OUTPUT', `${tool}: ${what}`, {
      hint: 'the tool was killed or its output cut off: look into the raw output',
    });
  };
  let document: unknown;
  try {
    document = JSON.parse(withoutNan(text));
  } catch (error) {
    return fail(`its result is no JSON (${String(text.length)} characters): ${messageOf(error)}`);
  }
  const result = resultJson.safeParse(document);
  if (!result.success) return fail(`its result is not what rt-tests writes: ${problemOf(result.error)}`);
  const threads = Object.entries(result.data.thread).map(([index, raw]) => {
    const thread = schema.safeParse(raw);
    return thread.success
      ? { index, thread: thread.data }
      : fail(`thread ${index} of its result: ${problemOf(thread.error)}`);
  });
  if (threads.length !== result.data.num_threads)
    return fail(`${String(threads.length)} threads in its result, ${String(result.data.num_threads)} announced`);
  const version = result.data.rt_test_version ?? result.data['rt_test_version:'] ?? 'unknown';
  return { version, threads, document };
};
