import * as z from 'zod';
import { defineContext } from './context.js';

/** The host itself: nothing is deployed. */
export const bareMetal = defineContext({
  type: 'bare-metal',
  summary: 'The host itself, as it is or as tuned',
  options: z.strictObject({}),
  preview: () => ['connect and read the facts of the host'],
  deploy: (_options, { host }) =>
    Promise.resolve({ sut: host, traits: {}, [Symbol.asyncDispose]: () => Promise.resolve() }),
});
