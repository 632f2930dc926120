/** A copy without some of the keys. */
export const without = (
  record: Readonly<Record<string, unknown>>,
  ...keys: readonly string[]
): Record<string, unknown> => Object.fromEntries(Object.entries(record).filter(([key]) => !keys.includes(key)));
