import type { ZodType } from 'zod';
import { messageOf } from '../error.js';
import { findingsOf, noText } from './explain.js';
import type { Finding } from './findings.js';

export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | {
      readonly ok: false;
      readonly findings: readonly Finding[];
      /** What could be used all the same, for further checks. */
      readonly partial?: T;
    };

/** Parses with a schema that may be a plug-in's: what it throws is a finding too. */
export const parseWith = <T>(schema: ZodType<T>, value: unknown): Parsed<T> => {
  try {
    const result = schema.safeParse(value, { error: () => noText });
    return result.success
      ? { ok: true, value: result.data }
      : { ok: false, findings: findingsOf(result.error, value, schema) };
  } catch (error) {
    return {
      ok: false,
      findings: [{ path: [], code: 'E_PLUGIN_FAILED', message: `its schema failed: ${messageOf(error)}` }],
    };
  }
};
