import { messageOf } from '../../lib/error.js';
import { rejection } from '../support/rejection.js';

/** What the error says that a promise is rejected with. */
export const refusal = async (promise: Promise<unknown>): Promise<string> => messageOf(await rejection(promise));
