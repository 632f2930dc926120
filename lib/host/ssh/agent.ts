import ssh2, { type IdentityCallback, type ParsedKey, type SignCallback, type SigningRequestOptions } from 'ssh2';

/** Shows some keys of an agent, in an order of ours; sshd counts each that is shown as a try. */
export class SomeKeys extends ssh2.BaseAgent<ParsedKey> {
  readonly #agent: ssh2.BaseAgent;
  readonly #keys: readonly ParsedKey[];

  constructor(agent: ssh2.BaseAgent, keys: readonly ParsedKey[]) {
    super();
    this.#agent = agent;
    this.#keys = keys;
  }

  override getIdentities(done: IdentityCallback<ParsedKey>): void {
    done(undefined, [...this.#keys]);
  }

  override sign(
    key: ParsedKey,
    data: Buffer,
    options: SigningRequestOptions | SignCallback,
    done?: SignCallback,
  ): void {
    if (typeof options === 'function') this.#agent.sign(key, data, options);
    else this.#agent.sign(key, data, options, done);
  }
}

const patience = 10_000;

/** The keys that an agent holds and ssh2 knows; rejects where it does not answer. */
export const keysOfAgent = (agent: ssh2.BaseAgent): Promise<readonly ParsedKey[]> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer within ${String(patience / 1000)} s`)), patience);
    agent.getIdentities((error, keys) => {
      clearTimeout(timer);
      if (error instanceof Error) reject(error);
      else resolve((keys ?? []) as readonly ParsedKey[]);
    });
  });
