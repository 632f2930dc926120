import { Kvm4nfvError } from '../../error.js';
import type { HostSpec } from '../spec.js';

/** One host of ProxyJump: `[ssh://][user@]host[:port]`. A user may hold `@`, an address `%` as `%%`. */
export const parseJump = (text: string): HostSpec & { readonly address: string } => {
  const written = text.trim().replace(/^ssh:\/\//, '');
  const at = written.lastIndexOf('@');
  const [, bracketed, name, port] = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d+))?$/.exec(written.slice(at + 1)) ?? [];
  const address = (bracketed ?? name)?.replaceAll('%%', '%');
  if (address === undefined || at === 0)
    throw new Kvm4nfvError('E_HOST', `not a jump host: '${text}'`, { hint: 'write [user@]host[:port]' });
  return {
    address,
    ...(at > 0 ? { user: written.slice(0, at) } : {}),
    ...(port === undefined ? {} : { port: Number(port) }),
  };
};
