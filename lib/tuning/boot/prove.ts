import { diffCmdline, mergeCmdline, missingParameters, splitCmdline } from '../cmdline.js';

const listed = (parameters: readonly string[]): string => parameters.join(' ') || 'nothing';

/**
 * What is wrong with a command line that was `old` and was to get `wanted`; empty where nothing but (a part of) that was
 * changed: every other parameter is there as before, in its order. Pure.
 */
export const unasked = (old: string, fresh: string, wanted: readonly string[]): string[] => {
  const asked = diffCmdline(old, mergeCmdline(old, wanted));
  const done = diffCmdline(old, fresh);
  const lost = done.removed.filter((unit) => !asked.removed.includes(unit));
  const added = done.added.filter((unit) => !asked.added.includes(unit));
  const kept = (line: string): string =>
    splitCmdline(line)
      .filter((token) => ![...done.added, ...done.removed].some((unit) => splitCmdline(unit).includes(token)))
      .join(' ');
  return [
    ...(lost.length === 0 ? [] : [`it would lose ${listed(lost)}`]),
    ...(added.length === 0 ? [] : [`it would get ${listed(added)} as well`]),
    ...(lost.length + added.length === 0 && kept(old) !== kept(fresh)
      ? [`the order of its parameters would change: ${kept(old)} / ${kept(fresh)}`]
      : []),
  ];
};

/** The same for the line that will be booted, which must get all of `wanted`. */
export const unproven = (old: string, fresh: string, wanted: readonly string[]): string[] => {
  const missing = missingParameters(fresh, wanted);
  return [...unasked(old, fresh, wanted), ...(missing.length === 0 ? [] : [`it would lack ${listed(missing)}`])];
};
