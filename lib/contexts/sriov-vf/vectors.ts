import { formatCpuList, parseCpuList } from '../../host/cpu-list.js';
import type { Host } from '../../host/host.js';
import { runBatch } from '../../tuning/batch.js';
import { command, files, line, names, outputOf, type Request, type Snapshot } from '../../tuning/reading.js';

/** A kernel thread that serves an interrupt (threaded interrupts, PREEMPT_RT). */
export interface InterruptThread {
  readonly pid: number;
  /** At most 15 characters, as the kernel keeps it. */
  readonly name: string;
}

/** One MSI or MSI-X vector of a device, as the host sees it. */
export interface Vector {
  readonly device: string;
  readonly irq: number;
  /** Who asked for it, such as `ens1f0v0-TxRx-0` or `vfio-msix[0](0000:3b:10.0)`; empty while nobody does. */
  readonly name: string;
  /** CPUs that it may go to. */
  readonly affinity: readonly number[];
  /** CPUs that it goes to; the kernel picks them from `affinity`. */
  readonly effective: readonly number[];
  /** Interrupts so far, all CPUs together. */
  readonly count: number;
  readonly threads: readonly InterruptThread[];
}

export interface InterruptLine {
  readonly irq: number;
  readonly count: number;
  /** `IR-PCI-MSIX-0000:41:00.0`. */
  readonly chip: string;
  readonly name: string;
}

/** Reads the numbered lines of /proc/interrupts. */
export const parseInterrupts = (text: string): InterruptLine[] => {
  const [header = '', ...lines] = text.split('\n');
  const cpus = header
    .trim()
    .split(/\s+/)
    .filter((word) => /^CPU\d+$/.test(word)).length;
  return lines.flatMap((entry): InterruptLine[] => {
    const [, irq, rest = ''] = /^\s*(\d+):\s+(.*)$/.exec(entry) ?? [];
    if (irq === undefined) return [];
    const words = rest.split(/\s+/);
    const counts = words.slice(0, cpus).map(Number);
    // Between chip and name stand the hardware's number and the trigger: `0-edge`, or `524288-edge`.
    const [chip = '', ...after] = words.slice(cpus);
    const trigger = after.findIndex((word) => /(?:edge|level|fasteoi|Edge|Level)$/.test(word));
    return [
      {
        irq: Number(irq),
        count: counts.reduce((sum, count) => sum + count, 0),
        chip,
        name: after.slice(trigger + 1).join(' '),
      },
    ];
  });
};

/** Threads by interrupt, from lines of /proc/PID/stat: `123 (irq/49-ens1f0v0) S ...`. */
export const parseInterruptThreads = (text: string): Map<number, InterruptThread[]> => {
  const threads = new Map<number, InterruptThread[]>();
  for (const [, pid = '', name = '', irq = ''] of text.matchAll(/^(\d+) \((irq\/(\d+)-[^)\n]*)\)?/gm))
    threads.set(Number(irq), [...(threads.get(Number(irq)) ?? []), { pid: Number(pid), name }]);
  return threads;
};

const threadsScript = String.raw`grep -ahE '^[0-9]+ \(irq/' /proc/[0-9]*/stat 2>/dev/null; exit 0`;
const threadsCommand = ['sh', '-c', threadsScript, 'kvm4nfv-look'];

/** What must be read for {@link vectorsOf}. */
export const vectorRequests = (devices: readonly string[]): Request[] => [
  ...devices.map((address) => names(`/sys/bus/pci/devices/${address}/msi_irqs/*`)),
  ...files('/proc/interrupts', '/proc/irq/*/smp_affinity_list', '/proc/irq/*/effective_affinity_list'),
  command(...threadsCommand),
];

const listed = (now: Snapshot, path: string): readonly number[] => {
  const text = line(now, path) ?? '';
  return text === '' ? [] : parseCpuList(text);
};

/** Vectors of devices, by device and number; pure. */
export const vectorsOf = (now: Snapshot, devices: readonly string[]): Vector[] => {
  const lines = new Map(parseInterrupts(now.files.get('/proc/interrupts') ?? '').map((entry) => [entry.irq, entry]));
  const threads = parseInterruptThreads(outputOf(now, ...threadsCommand)?.stdout ?? '');
  return devices.flatMap((device) => {
    const folder = `/sys/bus/pci/devices/${device}/msi_irqs/`;
    const irqs = [...now.names].flatMap((path) => (path.startsWith(folder) ? [Number(path.slice(folder.length))] : []));
    return irqs
      .sort((a, b) => a - b)
      .map((irq): Vector => ({
        device,
        irq,
        name: lines.get(irq)?.name ?? '',
        affinity: listed(now, `/proc/irq/${String(irq)}/smp_affinity_list`),
        effective: listed(now, `/proc/irq/${String(irq)}/effective_affinity_list`),
        count: lines.get(irq)?.count ?? 0,
        threads: threads.get(irq) ?? [],
      }));
  });
};

/** `3 on CPUs 2-3`: how many vectors there are, and where they go. */
export const summaryOf = (vectors: readonly Vector[]): string => {
  const cpus = [...new Set(vectors.flatMap(({ effective }) => effective))];
  return `${String(vectors.length)}${cpus.length === 0 ? '' : ` on CPUs ${formatCpuList(cpus)}`}`;
};

/** The MSI and MSI-X vectors of PCI devices on their host, in one round trip. What no driver uses has none. */
export const readVectors = async (host: Host, devices: readonly string[], signal?: AbortSignal): Promise<Vector[]> =>
  vectorsOf((await runBatch(host, { requests: vectorRequests(devices) }, signal)).snapshot, devices);
