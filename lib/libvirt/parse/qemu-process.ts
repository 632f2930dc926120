import * as z from 'zod';
import { Kvm4nfvError } from '../../error.js';
import { parseCpuList } from '../../host/cpu-list.js';
import type { Bytes } from '../../measure/units.js';

export interface QemuThread {
  readonly tid: number;
  readonly name: string;
  readonly affinity: readonly number[];
  readonly policy: 'other' | 'fifo' | 'rr' | 'batch' | 'idle' | 'deadline' | 'unknown';
  /** Real-time priority; 0 without. */
  readonly priority: number;
}

/** A domain's QEMU process as the kernel shows it. */
export interface QemuProcess {
  readonly pid: number;
  readonly vcpus: ReadonlyMap<number, QemuThread>;
  readonly iothreads: ReadonlyMap<number, QemuThread>;
  /** All others, the main thread among them. */
  readonly emulator: readonly QemuThread[];
  readonly locked: Bytes;
  /** Memory that it holds, by page size. */
  readonly pages: readonly { readonly size: Bytes; readonly held: Bytes; readonly mergeable: Bytes }[];
  /** Memory bound to NUMA nodes, by node. */
  readonly bound: ReadonlyMap<number, Bytes>;
}

const cpusReply = z.object({ return: z.array(z.object({ 'cpu-index': z.int(), 'thread-id': z.int() })) });
const iothreadsReply = z.object({ return: z.array(z.object({ id: z.string(), 'thread-id': z.int() })) });

// SCHED_* of the kernel; 4 was never used.
const policies: Readonly<Record<string, QemuThread['policy']>> = {
  0: 'other',
  1: 'fifo',
  2: 'rr',
  3: 'batch',
  5: 'idle',
  6: 'deadline',
};

const threadOf = ([tid = '', affinity = '', policy = '', priority = '', name = '']: readonly string[]): QemuThread => ({
  tid: Number(tid),
  name,
  affinity: parseCpuList(affinity),
  policy: policies[policy] ?? 'unknown',
  priority: Number(priority),
});

const kib = (text: string | undefined): Bytes => Number(text ?? 0) * 1024;

/** Reads what `processScript` prints. Fault `tool` where it is not as expected. */
export const parseQemuProcess = (text: string): QemuProcess => {
  const rows = text.split('\n').map((line) => line.split('\t'));
  const fields = (key: string): readonly (readonly string[])[] =>
    rows.flatMap(([first, ...rest]) => (first === key ? [rest] : []));
  const one = (key: string): string => {
    const value = fields(key)[0]?.[0];
    if (value === undefined || value === '')
      throw new Kvm4nfvError('E_LIBVIRT_OUTPUT', `what was read of the QEMU process has no '${key}'`);
    return value;
  };
  const threads = new Map(
    fields('task')
      .map(threadOf)
      .map((thread) => [thread.tid, thread]),
  );
  const byId = (ids: readonly (readonly [number, number])[]): ReadonlyMap<number, QemuThread> =>
    new Map(
      ids.flatMap(([id, tid]) => {
        const thread = threads.get(tid);
        return thread === undefined ? [] : [[id, thread] as const];
      }),
    );
  const vcpus = byId(
    cpusReply.parse(JSON.parse(one('cpus'))).return.map((cpu) => [cpu['cpu-index'], cpu['thread-id']]),
  );
  const iothreads = byId(
    iothreadsReply
      .parse(JSON.parse(one('iothreads')))
      .return.map((thread) => [Number(/\d+$/.exec(thread.id)?.[0] ?? -1), thread['thread-id']]),
  );
  const known = new Set([...vcpus.values(), ...iothreads.values()].map(({ tid }) => tid));
  return {
    pid: Number(one('pid')),
    vcpus,
    iothreads,
    emulator: [...threads.values()].filter(({ tid }) => !known.has(tid)),
    locked: kib(one('locked')),
    pages: fields('pages').map(([size, held, mergeable]) => ({
      size: kib(size),
      held: kib(held),
      mergeable: kib(mergeable),
    })),
    bound: new Map(fields('node').map(([node, size]) => [Number(node), kib(size)])),
  };
};
