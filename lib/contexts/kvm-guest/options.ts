import { kvmGuestFields } from './fields.js';
import { impossibilities } from './impossible.js';

/** Options of a `kvm-guest`. */
export const kvmGuestOptions = kvmGuestFields.superRefine((options, context) => {
  // What is wrong by itself has been said, and would only be said again in other words.
  if (context.issues.length > 0) return;
  for (const { path, message } of impossibilities(options))
    context.addIssue({ code: 'custom', path: [...path], message });
});
