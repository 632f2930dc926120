import { Kvm4nfvError } from '../../error.js';
import type { Job } from '../../host/host.js';
import { maxWords } from '../../host/limits.js';
import { parseLifecycleEvent } from '../parse/events.js';
import type { LifecycleEvent } from '../types.js';
import type { VirshClient } from './client.js';

/** Waits, without polling, for the next line of file $1 after $2 bytes; gives it, or nothing after $3 seconds. */
const nextLine = 'timeout "$3" tail -c "+$2" -f -- "$1" | head -n 1';
/** How long one wait on the host lasts before it is renewed; it also bounds how late a dead virsh is noticed. */
const renew = 30;
const ready = 'kvm4nfv-listens';

let listeners = 0;

interface Listener {
  readonly client: VirshClient;
  readonly job: Job;
  readonly signal: AbortSignal;
}

const lineAfter = async ({ client, job, signal }: Listener, offset: number): Promise<string> => {
  const argv = ['sh', '-c', nextLine, 'sh', `${job.directory}/stdout`, String(offset + 1), String(renew)];
  const { stdout } = await client.host.exec(argv, {
    signal,
    timeout: (renew + 15) * 1000,
    root: client.root,
    check: false,
  });
  return stdout;
};

const died = async ({ client, job }: Listener): Promise<Kvm4nfvError> => {
  const said = await client.host
    .read(`${job.directory}/stderr`, { root: client.root, limit: maxWords, cut: true })
    .catch(() => '');
  return new Kvm4nfvError('E_LIBVIRT', `${client.host.name}: ${client.uri}: virsh event ended: ${said.trim()}`);
};

async function* linesOf(listener: Listener, from: number): AsyncGenerator<string, void> {
  let offset = from;
  // Asked anew each time: the signal may come during any of the waits below.
  const over = (): boolean => listener.signal.aborted;
  while (!over()) {
    const alive = await listener.job.running();
    const line = await lineAfter(listener, offset).catch((error: unknown) => {
      if (over()) return '';
      throw error;
    });
    if (line.endsWith('\n')) {
      offset += Buffer.byteLength(line);
      yield line;
    } else if (!alive && !over()) throw await died(listener);
  }
}

async function* eventsOf(
  lines: AsyncGenerator<string, void>,
  domain: string | undefined,
  job: Job,
): AsyncGenerator<LifecycleEvent, void> {
  try {
    for await (const line of lines) {
      const event = parseLifecycleEvent(line);
      if (event !== undefined && (domain === undefined || event.domain === domain)) yield event;
    }
  } finally {
    await job[Symbol.asyncDispose]();
  }
}

/** Listens for lifecycle events by `virsh event` as a detached job of the host; its output file is followed by inotify. */
export const listen = async (
  client: VirshClient,
  { run, signal, domain }: { readonly run: string; readonly signal: AbortSignal; readonly domain?: string },
): Promise<AsyncIterable<LifecycleEvent>> => {
  listeners += 1;
  const name = `virsh-event-${String(process.pid)}-${String(listeners)}`;
  const argv = client.argv([`echo ${ready}; event --event lifecycle --loop --timestamp`]);
  const job = await client.host.start({ run, name, argv, root: client.root });
  const listener = { client, job, signal };
  try {
    await untilReady(listener);
    // virsh registers right after it has said that it is ready; a whole connection of ours takes longer than that.
    await client.run({ action: 'listen for events', args: ['version'], signal });
  } catch (error) {
    await job[Symbol.asyncDispose]();
    throw error;
  }
  return eventsOf(linesOf(listener, ready.length), domain, job);
};

/** The first bytes of the output; they have no line end, so `head -n 1` would wait for more. */
const untilReady = async (listener: Listener): Promise<void> => {
  const { client, job, signal } = listener;
  const argv = [
    'sh',
    '-c',
    'timeout "$2" tail -c +1 -f -- "$1" | head -c "$3"',
    'sh',
    `${job.directory}/stdout`,
    String(renew),
    String(ready.length),
  ];
  const { stdout } = await client.host.exec(argv, {
    signal,
    timeout: (renew + 15) * 1000,
    root: client.root,
    check: false,
  });
  if (stdout !== ready) throw await died(listener);
};
