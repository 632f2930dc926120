/** Samples known only to lie in `[above, max]`; one of them is `max`. */
export interface Overflow {
  readonly count: number;
  readonly above: number;
  readonly max: number;
}

/** Whether nothing about the samples is unknown. */
export const isExact = ({ count, above, max }: Overflow): boolean => count === 1 || above === max;

/** The groups with one more, which is added to its like: two single samples are known, two of one group would not be. */
export const withGroup = (groups: readonly Overflow[], group: Overflow): Overflow[] => {
  const together = group.above === group.max || group.count > 1;
  const same = groups.findIndex(
    (one) => one.above === group.above && one.max === group.max && together && (one.count > 1 || one.above === one.max),
  );
  return same < 0
    ? [...groups, group]
    : groups.map((one, index) => (index === same ? { ...one, count: one.count + group.count } : one));
};

interface Points {
  readonly value: number;
  readonly count: number;
}

/** The least, or the greatest, that the samples can be, in order. */
export const extremesOf = (groups: readonly Overflow[], side: 'low' | 'high'): Points[] =>
  groups
    .flatMap(({ count, above, max }) =>
      side === 'high'
        ? [{ value: max, count }]
        : [
            { value: above, count: count - 1 },
            { value: max, count: 1 },
          ],
    )
    .sort((a, b) => a.value - b.value);

/** How many of the samples are greater than `limit`, at least and at most. */
export const overOf = ({ count, above, max }: Overflow, limit: number): { low: number; high: number } => {
  if (limit >= max) return { low: 0, high: 0 };
  return { low: limit < above ? count : 1, high: count };
};
