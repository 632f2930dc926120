import { entry } from './entry.js';

/** Running tests, and reading what they measured. */
export const run = {
  E_NEEDS: entry(
    'environment',
    'A machine lacks what a test needs.',
    'Install what is named, or set `provision: true`.',
  ),
  E_PROVISION: entry('environment', 'Packages could not be installed.', 'See what the package manager said.'),
  E_OPTION_MISSING: entry(
    'environment',
    'A tool lacks an option that was asked for.',
    'Leave the option out, or install a newer tool.',
  ),
  E_TOOL_WARNING: entry(
    'environment',
    'A tool says that its result may be wrong.',
    'Mend what it names on the machine.',
  ),
  E_TOOL_KILLED: entry('tool', 'A tool was killed while it measured.', 'See what ended it; its raw output is kept.'),
  E_TOOL_SHORT: entry('tool', 'A tool ended before its time.', 'See what ended it.'),
  E_TOOL_OUTPUT: entry('tool', 'What a tool wrote can not be used.', 'Look into its raw output.'),
  E_MEASUREMENT: entry(
    'tool',
    'What a scenario gave back is no measurement.',
    'Tell the author of the plug-in that it is of.',
  ),
  E_TRIAL: entry(
    'tool',
    'A runner asked for a trial that can not be, or gave back no outcome.',
    'Tell the author of the plug-in that it is of.',
  ),
  E_LOAD: entry(
    'tool',
    'A load did not start, or died while a test measured.',
    'See its words; it needs memory and disk space.',
  ),
  E_RESULTS: entry(
    'environment',
    'The files of a run can not be written.',
    'Free some space, or name another directory.',
  ),
  E_EVENTS: entry('usage', 'The events of a run can not be read.', 'Name the directory of a run of kvm4nfv.'),
  E_HISTOGRAM: entry('usage', 'A stored histogram can not be read.', 'The file was changed, or is not one of ours.'),
  E_RUN_LEFT: entry('teardown', 'A run has left something on a host.', 'Run `kvm4nfv cleanup`.'),
  E_CUT_SHORT: entry('internal', 'The run was killed before its end.', 'Run `kvm4nfv cleanup`, then run it again.'),
} as const;
