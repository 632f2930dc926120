import { codeOf, Kvm4nfvError, messageOf } from '../../error.js';
import { exitCodeOfFault } from '../../run/exit-code.js';
import type { Diagnostic } from '../../suite/diagnostic.js';
import { SuiteError } from '../../suite/suite-error.js';
import { print, printJson } from '../output.js';
import { loadNamed, openSuite, type SuiteSelection } from '../suite.js';

/** Of what was said on the command line, or of the file as a whole. */
const withoutPlace = (file: string, error: Kvm4nfvError): Diagnostic => ({
  file,
  line: 0,
  column: 0,
  length: 1,
  severity: 'error',
  code: codeOf(error),
  message: messageOf(error),
  ...(error.hint === undefined ? {} : { hint: error.hint }),
});

const count = (tests: Iterable<{ readonly name: string }>): number => {
  let total = 0;
  for (const { name } of tests) total += name === '' ? 0 : 1;
  return total;
};

const validateAsJson = async (file: string, options: SuiteSelection): Promise<number> => {
  try {
    const { loaded, plan } = await loadNamed(file, options);
    printJson({ file, tests: count(plan.tests()), findings: loaded.diagnostics });
    return 0;
  } catch (error) {
    if (!Kvm4nfvError.is(error)) throw error;
    const findings = error instanceof SuiteError ? error.diagnostics : [withoutPlace(file, error)];
    printJson({ file, tests: 0, findings });
    return exitCodeOfFault[error.fault];
  }
};

/** `kvm4nfv validate`: checks a suite without touching a host. */
export const validate = async (
  file: string,
  { json, ...options }: SuiteSelection & { readonly json: boolean },
): Promise<number> => {
  if (json) return validateAsJson(file, options);
  const total = count((await openSuite(file, options)).tests());
  print(`${file}: ${String(total)} test${total === 1 ? '' : 's'}, no mistakes`);
  return 0;
};
