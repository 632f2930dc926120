/** What was made for each key, at most `limit` of them: a matrix must not fill the memory. */
export class Cache<T> {
  readonly #limit: number;
  readonly #made = new Map<string, T>();

  constructor(limit = 500) {
    this.#limit = limit;
  }

  get(key: string, make: () => T): T {
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    if (this.#made.size >= this.#limit) this.#made.clear();
    const made = make();
    this.#made.set(key, made);
    return made;
  }
}
