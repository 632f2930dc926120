import type * as z from 'zod';

/** What a schema finds wrong, on one line. */
export const problemsOf = (error: z.core.$ZodError): string =>
  error.issues
    .map(({ path, message }) => (path.length === 0 ? message : `${path.map(String).join('.')}: ${message}`))
    .join('; ');
