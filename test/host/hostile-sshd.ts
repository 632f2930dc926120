import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import ssh2, { type Connection, type ServerChannel } from 'ssh2';

/*
 * A machine that lies, as a process of its own: `node --import tsx hostile-sshd.ts HOST_KEY`. Prints its port. Every command that it
 * is sent runs, and what becomes of its answer is drawn by lot, from the seed in the name of the user.
 */

type Random = () => number;

/** mulberry32. */
const randomFrom = (seed: number): Random => {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

type Answer = (channel: ServerChannel, line: string, random: Random) => void;

const end = (channel: ServerChannel, code: number): void => {
  channel.exit(code);
  channel.end();
};

/** Writes until nobody listens. */
const flood = (channel: ServerChannel, to: NodeJS.WritableStream, text: string): void => {
  const block = Buffer.alloc(32_768, text);
  const push = (): void => {
    while (channel.writable && to.write(block));
  };
  to.on('drain', push);
  push();
};

/** Runs the command, with a change of what it says and how it ends. */
const run = (
  channel: ServerChannel,
  line: string,
  {
    say = (text) => text,
    code = (was) => was,
  }: { say?: (text: Buffer) => Buffer; code?: (was: number) => number } = {},
): void => {
  const child = spawn('/bin/sh', ['-c', line], { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
  const stop = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It has ended.
    }
  };
  channel.pipe(child.stdin);
  child.stdin.on('error', () => undefined);
  child.stdout.on('data', (chunk: Buffer) => channel.write(say(chunk)));
  child.stderr.on('data', (chunk: Buffer) => channel.stderr.write(chunk));
  child.once('close', (was) => {
    end(channel, code(was ?? 1));
  });
  channel.once('close', stop);
};

/** What comes before the command's own output must stay, or nothing is believed to have begun. */
const afterMark = (change: (text: Buffer) => Buffer): ((text: Buffer) => Buffer) => {
  let first = true;
  return (text) => {
    const mark = first ? (/^(?:.*?kvm4nfv[0-9a-f]{32}){1,2}/s.exec(text.toString('latin1'))?.[0].length ?? 0) : 0;
    first = false;
    return Buffer.concat([text.subarray(0, mark), change(text.subarray(mark))]);
  };
};

const answers: Readonly<Record<string, Answer>> = {
  honest: (channel, line) => {
    run(channel, line);
  },
  endless: (channel, line) => {
    run(channel, line, { code: () => 0 });
    flood(channel, channel, 'y\n');
  },
  'endless numbers': (channel) => {
    flood(channel, channel, '99999999\n');
  },
  'endless stderr': (channel) => {
    flood(channel, channel.stderr, 'no\n');
  },
  silent: () => undefined,
  drip: (channel) => {
    const timer = setInterval(() => channel.write('y'), 100);
    channel.once('close', () => {
      clearInterval(timer);
    });
  },
  'hangs after its answer': (channel, line) => {
    const child = spawn('/bin/sh', ['-c', line], { stdio: ['ignore', 'pipe', 'ignore'] });
    child.stdout.on('data', (chunk: Buffer) => channel.write(chunk));
  },
  'exit without close': (channel) => {
    channel.exit(0);
  },
  'close without exit': (channel) => {
    channel.end();
    channel.close();
  },
  'lies about exit': (channel, line, random) => {
    run(channel, line, { code: () => [0, 1, 255, 4_294_967_295][Math.floor(random() * 4)] ?? 0 });
  },
  'says nothing, all well': (channel) => {
    end(channel, 0);
  },
  torn: (channel, line, random) => {
    run(channel, line, { say: (text) => text.subarray(0, Math.floor(text.length * random())) });
  },
  escapes: (channel, line) => {
    const junk = Buffer.from('\u001B[2J\u001B]0;pwned\u0007\0\0');
    run(channel, line, { say: afterMark((text) => Buffer.concat([junk, text, junk])) });
  },
  NULs: (channel, line) => {
    run(channel, line, { say: afterMark((text) => Buffer.alloc(text.length)) });
  },
  numbers: (channel, line) => {
    run(channel, line, {
      say: afterMark((text) => Buffer.from(text.toString('latin1').replaceAll(/\d+/g, '999999999999'), 'latin1')),
    });
  },
  negative: (channel, line) => {
    run(channel, line, {
      say: afterMark((text) => Buffer.from(text.toString('latin1').replaceAll(/\d+/g, '-1'), 'latin1')),
    });
  },
  twice: (channel, line) => {
    run(channel, line, { say: afterMark((text) => Buffer.concat([text, text])) });
  },
  junk: (channel, line, random) => {
    run(channel, line, {
      say: afterMark((text) => Buffer.from(text.map((byte) => (random() < 0.2 ? Math.floor(random() * 256) : byte)))),
    });
  },
};

/** A call that hangs takes its deadline and the end of what it left: those are drawn less often. */
const hanging = new Set([
  'silent',
  'drip',
  'hangs after its answer',
  'exit without close',
  'endless',
  'endless numbers',
  'endless stderr',
]);
const lots = Object.keys(answers).flatMap((kind) => (hanging.has(kind) ? [kind] : [kind, kind, kind, kind]));

const serve = (client: Connection): void => {
  let random = randomFrom(0);
  let kinds = lots;
  client.on('error', () => undefined);
  client.on('authentication', (context) => {
    const [seed = '0', ...only] = context.username.split('+');
    random = randomFrom(Number(seed));
    if (only.length > 0) kinds = only.map((kind) => kind.replaceAll('_', ' '));
    context.accept();
  });
  client.on('session', (accept) => {
    accept().on('exec', (take, _refuse, { command }) => {
      const channel = take();
      channel.on('error', () => undefined);
      const kind = kinds[Math.floor(random() * kinds.length)] ?? 'honest';
      answers[kind]?.(channel, command, random);
    });
  });
};

const [key = ''] = process.argv.slice(2);
const server = new ssh2.Server({ hostKeys: [readFileSync(key)] }, serve);
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`${String(port)}\n`);
});
