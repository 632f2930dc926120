/** The same list, which must have something in it: a loop of assertions over an empty one would pass unseen. */
export const some = <T>(what: string, list: Iterable<T>): readonly [T, ...T[]] => {
  const [first, ...rest] = list;
  if (first === undefined) throw new Error(`there is no ${what}: what follows would assert nothing`);
  return [first, ...rest];
};
