import { entry } from './entry.js';

/** Mistakes of a suite, of a profile, and of the command line. */
export const suite = {
  E_SUITE: entry(
    'usage',
    'A suite has mistakes; each has a code of its own.',
    'Correct each at the place that is named.',
  ),
  E_FILE: entry('usage', 'A file can not be read.', 'Correct its path, or let this user read it.'),
  E_FILE_SIZE: entry(
    'usage',
    'A suite file is larger than 1 MiB.',
    'Split it with `include`, or let a `matrix` generate tests.',
  ),
  E_NOT_TEXT: entry('usage', 'A suite file is not UTF-8 text.', 'Save it as UTF-8, without control characters.'),
  E_YAML: entry('usage', 'The text is not YAML.', 'Correct the syntax at the place that is named.'),
  E_YAML_KIND: entry(
    'usage',
    'YAML that a suite does not use: tags, several documents, another version, merge keys.',
    'Write plain YAML 1.2 in one document; `defaults` do what a merge does.',
  ),
  E_YAML_DEPTH: entry(
    'usage',
    'The text is nested too deeply.',
    'Flatten it: nothing in a suite needs more than a few levels.',
  ),
  E_YAML_ALIAS: entry(
    'usage',
    'An alias has no anchor, contains itself, or makes too much.',
    'Correct its name, or write the value out.',
  ),
  E_EMPTY: entry('usage', 'A suite file is empty.', 'Write at least a name and a test; see `examples/`.'),
  E_QUOTES: entry('usage', 'A comma ends a value inside `{ }` or `[ ]`.', 'Put the whole value in quotes.'),
  E_TEMPLATE: entry(
    'usage',
    'The text is a template of another program, not yet filled in.',
    'Render it first, or use `params` and `${...}`.',
  ),
  E_CONFLICT: entry('usage', 'The file has an unresolved conflict of git.', 'Resolve it and remove the markers.'),
  E_DUPLICATE_KEY: entry('usage', 'A key is there twice.', 'Keep one of them.'),
  E_UNKNOWN_KEY: entry(
    'usage',
    'A key that nothing knows.',
    'Correct its spelling; `kvm4nfv list` shows the keys of each thing.',
  ),
  E_MISSING_KEY: entry('usage', 'A key that is needed is not there.', 'Add the key that is named.'),
  E_TYPE: entry('usage', 'A value is of the wrong type.', 'Write one of the type that is named.'),
  E_VALUE: entry(
    'usage',
    'A value does not fit its key.',
    'Write one that fits; `kvm4nfv list` shows what may be written.',
  ),
  E_RANGE: entry(
    'usage',
    'A value is too small, too large, too short or too long.',
    'Write one within the limit that is named.',
  ),
  E_UNKNOWN_NAME: entry('usage', 'A name that nothing has.', 'Correct its spelling, or define what it names.'),
  E_NAME: entry(
    'usage',
    'Something can not be called so.',
    'Choose a name of letters, digits, dots, dashes and underscores.',
  ),
  E_DUPLICATE_NAME: entry('usage', 'Two things have the same name.', 'Rename one of them.'),
  E_CIRCLE: entry('usage', 'Things refer to each other in a circle.', 'Break the circle at one of the names.'),
  E_INCLUDE: entry(
    'usage',
    'An included file can not be used.',
    'Name a suite file, relative to the one that includes it.',
  ),
  E_NO_TESTS: entry('usage', 'No test is left to run.', 'Write a test, or widen what was selected.'),
  E_MATRIX: entry('usage', 'A matrix is wrong or gives nothing.', 'Correct the place that is named.'),
  E_PARAM: entry(
    'usage',
    'A parameter of the suite is wrong, unknown or has no value.',
    'Give it a default, or a value with `--param`.',
  ),
  E_SUBSTITUTION: entry(
    'usage',
    'A `${...}` can not be filled in.',
    'Correct its name; `$${` writes a `${` that is meant as text.',
  ),
  E_ENV: entry('usage', 'A variable of the environment is not set.', 'Set it before the run.'),
  E_SLA: entry(
    'usage',
    'An SLA can not be understood.',
    'Write it as `max <= 50us`, `p99.99 <= 20us` or `over(20us) <= 0`.',
  ),
  E_METRIC: entry(
    'usage',
    'An SLA names a metric that nobody measures.',
    'Name one that the scenario measures with these options.',
  ),
  E_CPUS: entry('usage', 'A CPU selection does not fit its context.', 'Name CPUs that the context has.'),
  E_TUNING: entry(
    'usage',
    'A tuning, profile or knob is wrong.',
    'See `kvm4nfv list knob` and `kvm4nfv list profile`.',
  ),
  E_PLUGIN: entry('usage', 'A plug-in can not be found or loaded.', 'Correct its name, or install it.'),
  E_PLUGIN_SHAPE: entry('usage', 'A plug-in defines nothing that can be used.', 'See its hint, and `kvm4nfv/plugin`.'),
  E_PLUGIN_FAILED: entry(
    'usage',
    'A definition of a plug-in threw an error while the suite was checked.',
    'Tell the author of the plug-in.',
  ),
  E_RUNNER: entry('usage', 'A runner gives the scenario options that do not fit.', 'Correct what the runner varies.'),
  E_ARGUMENT: entry('usage', 'An argument of the command line is wrong.', 'See `kvm4nfv help` of the command.'),
  E_NO_RUN: entry(
    'usage',
    'There is no such run, or what is there is none.',
    'Name the directory of a run, such as results/<run-id>.',
  ),
} as const;
