/** `{ [key]: value }`, or nothing where the value is undefined: for optional properties under exactOptionalPropertyTypes. */
export const optional = <K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> => {
  const made: Partial<Record<K, V>> = {};
  if (value !== undefined) made[key] = value;
  return made;
};
