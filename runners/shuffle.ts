/** Mulberry32: a small generator with a full period of 2^32, plenty for an order of trials. */
const random = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

/** Fisher-Yates with a seeded generator: the same seed gives the same order. */
export const shuffled = <T>(list: readonly T[], seed: number): T[] => {
  const next = random(seed);
  const pool = [...list];
  const result: T[] = [];
  while (pool.length > 0) result.push(...pool.splice(Math.floor(next() * pool.length), 1));
  return result;
};
