import { randomUUID } from 'node:crypto';
import { localHost } from '../../lib/host/local.js';
import type { Host } from '../../lib/host/host.js';
import { openSshHost } from '../../lib/host/ssh/open.js';
import { startSshd, type Sshd } from '../support/sshd.js';

/** The same tests for each transport: they must not be told apart. */
export const onEachTransport = (tests: (host: () => Host) => void): void => {
  describe('on this machine', () => {
    const host = localHost();
    tests(() => host);
  });
  for (const transport of ['ssh2', 'openssh'] as const) behindSsh(transport, tests);
};

const behindSsh = (transport: 'ssh2' | 'openssh', tests: (host: () => Host) => void): void => {
  describe(`behind SSH, by ${transport}`, () => {
    let sshd: Sshd | undefined;
    let host: Host | undefined;
    before(async () => {
      sshd = await startSshd();
      host = await openSshHost('node1', sshd.spec({ transport }));
    });
    after(async () => {
      await host?.[Symbol.asyncDispose]();
      await sshd?.[Symbol.asyncDispose]();
    });
    tests(() => {
      if (host === undefined) throw new Error('the host is not open');
      return host;
    });
  });
};

/** An id that no other test uses. */
export const newRun = (): string => `test-${randomUUID().slice(0, 8)}`;

/** What a promise rejects with. */
export const rejection = async (promise: Promise<unknown>): Promise<unknown> => {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('it did not fail');
};
