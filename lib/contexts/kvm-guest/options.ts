import { kvmGuestFields } from './fields.js';
import { impossibilities } from './impossible.js';

/** Options of a `kvm-guest`. */
export const kvmGuestOptions = kvmGuestFields.superRefine((options, context) => {
  for (const { path, message } of impossibilities(options))
    context.addIssue({ code: 'custom', path: [...path], message });
});
