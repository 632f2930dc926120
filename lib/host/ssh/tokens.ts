import { createHash } from 'node:crypto';
import { hostname, userInfo } from 'node:os';
import { Kvm4nfvError } from '../../error.js';

/** What the tokens of ssh_config stand for (ssh_config(5), TOKENS). */
export interface Tokens {
  /** As given, before HostName. */
  readonly given: string;
  readonly address: string;
  readonly port: number;
  readonly user: string;
  readonly keyAlias: string | undefined;
  /** As in ProxyJump. */
  readonly jump: string;
}

const valueOf = (token: string, { given, address, port, user, keyAlias, jump }: Tokens): string | undefined => {
  const own = hostname();
  switch (token) {
    case '%':
      return '%';
    case 'C':
      return createHash('sha1')
        .update(`${own}${address}${String(port)}${user}${jump}`)
        .digest('hex');
    case 'd':
      return userInfo().homedir;
    case 'h':
      return address;
    case 'i':
      return String(userInfo().uid);
    case 'j':
      return jump;
    case 'k':
      return keyAlias ?? given;
    case 'L':
      return own.split('.')[0] ?? own;
    case 'l':
      return own;
    case 'n':
      return given;
    case 'p':
      return String(port);
    case 'r':
      return user;
    case 'u':
      return userInfo().username;
    default:
      return undefined;
  }
};

/**
 * A value of ssh_config with its tokens, `${NAME}` of the environment and a leading `~` put in. OpenSSH takes the home
 * directory from the list of users and not from HOME.
 */
export const expandTokens = (text: string, tokens: Tokens): string => {
  const { username, homedir } = userInfo();
  const home = text === '~' || text.startsWith('~/') ? `${homedir}${text.slice(1)}` : text;
  return home.replaceAll(/%(.)|\$\{([^}]*)\}/gs, (whole, token: string | undefined, name: string | undefined) => {
    const value = token === undefined ? process.env[name ?? ''] : valueOf(token, tokens);
    if (value !== undefined) return value;
    throw new Kvm4nfvError(
      'E_SSH_CONFIG',
      token === undefined
        ? `ssh_config of ${tokens.given}: '${text}' names the environment variable ${name ?? ''}, which is not set for ${username}`
        : `ssh_config of ${tokens.given}: '${text}' holds ${whole}, which stands for nothing there`,
      { hint: `see 'ssh -G ${tokens.given}' and ssh_config(5), TOKENS` },
    );
  });
};
