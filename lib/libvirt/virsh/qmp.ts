import * as z from 'zod';
import { messageOf } from '../../error.js';
import { LibvirtError, type LibvirtErrorContext } from '../error.js';

const reply = z.union([
  z.object({ return: z.unknown() }),
  z.object({ error: z.object({ class: z.string(), desc: z.string() }) }),
]);

/** What a monitor's or agent's reply returned; its error is thrown. */
export const returnOf = (text: string, context: LibvirtErrorContext): unknown => {
  let parsed: z.output<typeof reply>;
  try {
    parsed = reply.parse(JSON.parse(text));
  } catch (cause) {
    throw new LibvirtError(`no reply as expected: ${text.trim().slice(0, 200)}: ${messageOf(cause)}`, {
      ...context,
      cause,
    });
  }
  if ('error' in parsed) throw new LibvirtError(`${parsed.error.class}: ${parsed.error.desc}`, context);
  return parsed.return;
};
