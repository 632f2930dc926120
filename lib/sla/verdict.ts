/** From best to worst. */
export const verdicts = ['pass', 'warn', 'skip', 'fail', 'no-data', 'error'] as const;
export type Verdict = (typeof verdicts)[number];

/** The worst one wins; nothing at all is `no-data`, never a pass. */
export const worst = (all: Iterable<Verdict>): Verdict => {
  let index = -1;
  for (const verdict of all) index = Math.max(index, verdicts.indexOf(verdict));
  return verdicts[index] ?? 'no-data';
};
