import type { Host } from '../host/host.js';
import { slownessOf, stretched } from '../host/patience.js';
import { deadline } from './deadline.js';

export interface KvmProbe {
  /** A guest really ran under KVM. */
  readonly works: boolean;
  /** Why not, or what showed it. */
  readonly reason: string;
}

/*
 * A boot sector that does what kernels do first: it builds page tables, goes to 64-bit mode through CR4, CR3, EFER and
 * CR0, loads an IDT, takes an invalid-opcode exception and returns from it, reloads CR3, counts down from 2^24, and writes
 * 0x10 to port 0xf4, whereupon QEMU's isa-debug-exit device ends QEMU with 33. A KVM that interprets guest kernels instead
 * of running them (such as a paravirtual one) may do all this too, but takes minutes for the countdown instead of
 * milliseconds. Assembled from:
 *   16 bit: cli; ds=es=ss=0; sp=0x7c00; clear 0x1000-0x3fff; tables at 0x1000, 0x2000, 0x3000 (one 2 MiB page);
 *   lgdt; cr4=PAE; cr3=0x1000; EFER|=LME; cr0=PG|ET|PE; ljmp to 64 bit: ds=es=ss=0x10; esp=0x7c00; IDT at 0x4000 with
 *   vector 6; lidt; cr3=cr3; ebx=0; ud2; handler: bl=0x2a, return address = next; iretq; next: bl==0x2a ? count : fail.
 */
const bootSector =
  '+jHAjtiOwI7QvAB8/L8AELkAGPOrxwYAEAMgxwYAIAMwxwYAMIMADwEW5HxmuCAAAAAPIuBmuAAQAAAPIthmuYAAAMAPMg0AAQ8wZrgRAACADyLA6ll8' +
  'CAC4EAAAAI7YjsCO0LwAfAAAMcC/AEAAALlAAAAA86u/YEAAALi+fAAAZokHZsdHAggAZsdHBACODwEcJep8AAAPINgPItgx2w8LgPsqdQ25AAAAAf/J' +
  'dfywEOsCsBFmuvQA7vTr/bMqSMcEJKJ8AABIz2aQAAAAAAAAAAAAAAAAAJogAAAAAAAAkgAAFwDMfAAA/w8AQA==';

/** Standard input: the boot sector in base64. $1: QEMU. $2: seconds. $3, $4: accelerator, CPU model. Prints how QEMU ended, and what it said. */
const probeScript = `
if [ "$3" = kvm ]; then
  [ -e /dev/kvm ] || { echo none; exit 0; }
  [ -r /dev/kvm ] && [ -w /dev/kvm ] || { echo denied; exit 0; }
fi
command -v "$1" >/dev/null || { echo missing; exit 0; }
d=$(mktemp -d) || exit 1
trap 'rm -rf "$d"' EXIT
{ base64 -d; } > "$d/sector" || exit 1
truncate -s 510 "$d/sector" && printf '\\125\\252' >> "$d/sector"
timeout -s KILL "$2" "$1" -accel "$3" -cpu "$4" -m 4 -nodefaults -no-user-config -display none -no-reboot \\
  -device isa-debug-exit,iobase=0xf4,iosize=1 -drive "file=$d/sector,format=raw,if=ide" > "$d/said" 2>&1 < /dev/null
echo "ended $?"
head -c 2000 "$d/said"
`;
/** Seconds. Enough for KVM in an emulated machine; without trouble it takes a third of a second. */
const patience = 20;
const killed = 'ended 137';

/** What the script printed, told as a result. */
export const parseKvmProbe = (text: string, accelerator: 'kvm' | 'tcg' = 'kvm', seconds = patience): KvmProbe => {
  const [first = '', ...rest] = text.trim().split('\n');
  const said =
    rest.map((line) => line.replace(/^\S*qemu-system-\S+: /, '')).find((line) => line.startsWith('error')) ??
    rest.at(-1) ??
    '';
  if (first === 'none') return { works: false, reason: 'there is no /dev/kvm' };
  if (first === 'denied') return { works: false, reason: '/dev/kvm may not be opened by this user' };
  if (first === 'missing') return { works: false, reason: 'QEMU is not installed' };
  if (first === 'ended 33') return { works: true, reason: `a 64-bit guest ran under ${accelerator.toUpperCase()}` };
  if (first === killed)
    return {
      works: false,
      reason: `/dev/kvm is there, but a 64-bit guest did not get through its start within ${String(seconds)} s`,
    };
  return {
    works: false,
    reason: `/dev/kvm is there, but QEMU ended with ${first.replace('ended ', '')}${said === '' ? '' : `: ${said}`}`,
  };
};

export interface ProbeOptions {
  /** Default: `qemu-system-x86_64`. */
  readonly emulator?: string;
  readonly root?: boolean;
  /** `tcg` shows that QEMU itself is able to. Default: `kvm`. */
  readonly accelerator?: 'kvm' | 'tcg';
  readonly signal?: AbortSignal;
}

const known = new Map<string, Promise<KvmProbe>>();

/**
 * Whether KVM really runs guests on a host: a tiny one is started. That /dev/kvm can be opened does not tell it. Asked
 * once per boot of the host in this process.
 */
export const probeKvm = async (host: Host, options: ProbeOptions = {}): Promise<KvmProbe> => {
  const { emulator = 'qemu-system-x86_64', root = false, accelerator = 'kvm', signal } = options;
  const boot = (await host.read('/proc/sys/kernel/random/boot_id')).trim();
  const key = [boot, emulator, String(root), accelerator].join(' ');
  const asked = known.get(key) ?? run(host, emulator, root, accelerator);
  known.set(key, asked);
  // An answer that never came is no answer for the next one who asks.
  asked.catch(() => known.delete(key));
  // Others may wait for the same answer: one who gives up must not end it for them.
  return deadline(asked, (2 * patience + 60) * 1000, signal, `${host.name}: probe ${accelerator}`, () =>
    slownessOf(host),
  );
};

const run = async (host: Host, emulator: string, root: boolean, accelerator: 'kvm' | 'tcg'): Promise<KvmProbe> => {
  // A KVM guest of ours sees the host's CPU, and some hosts fail just there.
  const model = accelerator === 'kvm' ? 'host' : 'max';
  const within = async (seconds: number): Promise<string> => {
    const argv = ['sh', '-c', probeScript, 'sh', emulator, String(seconds), accelerator, model];
    return (await host.exec(argv, { stdin: bootSector, root, timeout: (seconds + 20) * 1000 })).stdout;
  };
  const said = await within(patience);
  if (said.trim() !== killed) return parseKvmProbe(said, accelerator);
  // Where the host was only slow, it is given the time that it needs.
  const longer = Math.ceil(stretched(patience * 1000, await slownessOf(host)) / 1000);
  return parseKvmProbe(longer > patience ? await within(longer) : said, accelerator, longer);
};
