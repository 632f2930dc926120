import { join } from 'node:path';
import { loadBinding } from '../../lib/libvirt/binding/native.js';
import { messageOf } from '../../lib/error.js';

/** A directory whose node_modules has the binding: where scripts/setup.mjs builds it. */
export const bindingFrom = join(import.meta.dirname, '../../node_modules/.cache/kvm4nfv/binding');

/** Why the libvirt binding can't be tested here; undefined where it can. */
export const noBinding = (): Promise<string | undefined> =>
  loadBinding(bindingFrom).then(
    () => undefined,
    (error: unknown) => `${messageOf(error)} (node scripts/setup.mjs test)`,
  );
