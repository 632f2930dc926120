import { entry } from './entry.js';

/** One for each fault: of errors that have no code of their own, such as those of plug-ins. */
export const general = {
  E_USAGE: entry('usage', 'The suite or an argument is wrong.', 'Correct what the message names.'),
  E_ENVIRONMENT: entry(
    'environment',
    'A machine is not fit for what was asked of it.',
    'Mend there what the message names, or ask for something else.',
  ),
  E_UNREACHABLE: entry(
    'unreachable',
    'A host can not be reached.',
    'Check its address, the network, and whether it runs.',
  ),
  E_TOOL: entry('tool', 'A tool on a machine failed.', 'Look into its raw output, which is kept with the run.'),
  E_INTERNAL: entry('internal', 'kvm4nfv itself is at fault.', 'Report it, with the command and what it printed.'),
  E_TEARDOWN: entry(
    'teardown',
    'Something could not be removed or put back.',
    'Mend what the message names, then run `kvm4nfv cleanup`.',
  ),
  E_INTERRUPTED: entry('interrupted', 'The run was interrupted.', 'Run it again; what was changed has been put back.'),
} as const;
