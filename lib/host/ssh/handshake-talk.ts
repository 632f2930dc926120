/** By what ssh2 says in the end, what it calls the same thing in its debugging lines. */
const offers: readonly (readonly [ending: string, offer: string])[] = [
  ['no matching key exchange algorithm', 'KEX method'],
  ['no matching host key format', 'Host key format'],
  ['no matching C->S cipher', 'C->S cipher'],
  ['no matching S->C cipher', 'S->C cipher'],
  ['no matching C->S MAC', 'C->S MAC'],
  ['no matching S->C MAC', 'S->C MAC'],
];

/** What both sides of a handshake have to offer, as ssh2 tells it in its debugging lines: its error names none of it. */
export class HandshakeTalk {
  readonly #lists = new Map<string, string>();

  readonly listen = (line: string): void => {
    const [, whose, what, list] = /^Handshake: (\((?:remote|local)\)) ([^:]+): (.*)$/.exec(line) ?? [];
    if (whose !== undefined && what !== undefined && list !== undefined) this.#lists.set(`${whose} ${what}`, list);
  };

  /** The lists of both sides that have nothing in common, where that is why a handshake failed. */
  disagreement(message: string): string | undefined {
    const [, offer] = offers.find(([ending]) => message.endsWith(ending)) ?? [];
    if (offer === undefined) return undefined;
    const of = (whose: string): string => this.#lists.get(`(${whose}) ${offer}`) ?? 'none';
    return `${message}: the host has ${of('remote')}, we have ${of('local')}`;
  }
}
