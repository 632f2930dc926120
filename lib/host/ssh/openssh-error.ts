import { SshError, type SshStage } from './error.js';

/** What OpenSSH says (LC_ALL=C), by how far it got. */
const stages: readonly (readonly [said: RegExp, stage: SshStage])[] = [
  [/Could not resolve hostname/, 'resolve'],
  [/no matching|key exchange|kex_/i, 'key exchange'],
  [/host key|HOST IDENTIFICATION HAS CHANGED|Host key verification failed|certificate/i, 'host key'],
  [/Permission denied|Too many authentication failures|authentication/i, 'authentication'],
  [/connect to host|Connection refused|timed out|No route|unreachable/i, 'connect'],
  [/banner|closed by remote host|Connection reset|Connection closed/i, 'banner'],
];

const lines = 4;

/** The error of an `ssh` that made no connection. */
export const openSshError = (where: string, said: string, exitCode: number | null): SshError => {
  const words = said.split('\n').filter((line) => line.trim() !== '' && !/^@+$/.test(line.trim()));
  const text = words.slice(-lines).join('; ').trim();
  const stage = stages.find(([pattern]) => pattern.test(said))?.[1] ?? 'connect';
  return new SshError(where, stage, text === '' ? `ssh ended with ${String(exitCode)} and said nothing` : text);
};
