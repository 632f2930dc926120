import { mergeCmdline, missingParameters, splitCmdline } from '../cmdline.js';

/** Variables of a boot loader that a command line refers to, such as tuned's `$tuned_params`. */
export type Variables = ReadonlyMap<string, string>;

const reference = /\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))/g;
const wholeReference = /^\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))$/;

/** The line as the boot loader hands it over. What it has no value for is empty there. */
export const expandReferences = (line: string, variables: Variables): string =>
  line
    .replaceAll(
      reference,
      (_, braced: string | undefined, bare: string | undefined) => variables.get(braced ?? bare ?? '') ?? '',
    )
    .trim();

const keepsAll = (line: string, wanted: readonly string[]): boolean => {
  const own = splitCmdline(line);
  return splitCmdline(mergeCmdline(line, wanted)).slice(0, own.length).join(' ') === own.join(' ');
};

/**
 * Merges parameters into a line with references, which stay: whoever owns the variable goes on owning it. One is replaced by
 * its value only where a parameter in it has to be changed.
 */
export const mergeReferring = (line: string, variables: Variables, wanted: readonly string[]): string => {
  const missing = missingParameters(expandReferences(line, variables), wanted);
  if (missing.length === 0) return line;
  const tokens = splitCmdline(line).flatMap((token) => {
    const [, braced, bare] = wholeReference.exec(token) ?? [];
    const value = variables.get(braced ?? bare ?? '');
    return value === undefined || keepsAll(value, missing) ? [token] : splitCmdline(value);
  });
  return mergeCmdline(tokens.join(' '), missing);
};

/** GRUB's environment block: `name=value` lines, padded with `#`. */
export const parseGrubEnvironment = (text: string): Variables =>
  new Map(
    text
      .split('\n')
      .filter((entry) => !entry.startsWith('#') && entry.includes('='))
      .map((entry) => {
        const mark = entry.indexOf('=');
        return [entry.slice(0, mark), entry.slice(mark + 1).replaceAll(/\\(.)/g, '$1')] as const;
      }),
  );
