import { loadBinding } from '../../lib/libvirt/binding/native.js';
import { messageOf } from '../../lib/error.js';

/** Where the binding is looked for besides our own node_modules: a directory whose node_modules has it. */
export const bindingFrom = process.env['KVM4NFV_TEST_BINDING'];

/** Why the libvirt binding can't be tested here; undefined where it can. */
export const noBinding = (): Promise<string | undefined> =>
  loadBinding(bindingFrom).then(
    () => undefined,
    (error: unknown) => `${messageOf(error)} (npm i --no-save @unraid/libvirt, or KVM4NFV_TEST_BINDING=directory)`,
  );
