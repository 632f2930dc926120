import { SshError, type SshStage } from './error.js';

/** What OpenSSH says (LC_ALL=C), by how far it got. */
const stages: readonly (readonly [said: RegExp, stage: SshStage])[] = [
  [/[Ss]ession open refused|channel \d+: open failed/, 'channel'],
  [/Could not resolve hostname/, 'resolve'],
  [/Host key verification failed|HOST IDENTIFICATION HAS CHANGED|REVOKED HOST KEY|host key is known/, 'host key'],
  [/Permission denied|Too many authentication failures/, 'authentication'],
  [/connect to host/, 'connect'],
  [/Unable to negotiate|no matching/, 'key exchange'],
  [/banner exchange|kex_exchange_identification/, 'banner'],
  [/kex|Connection (?:closed|reset)/, 'key exchange'],
];

const lines = 4;

/** The error of an `ssh` that made no connection. */
export const openSshError = (where: string, said: string, exitCode: number | null): SshError => {
  const words = said.split('\n').filter((line) => line.trim() !== '' && !/^@+$/.test(line.trim()));
  const text = words.slice(-lines).join('; ').trim();
  const stage = stages.find(([pattern]) => pattern.test(said))?.[1] ?? 'connect';
  return new SshError(where, stage, text === '' ? `ssh ended with ${String(exitCode)} and said nothing` : text);
};
