import { execFileSync } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startSshd, type Sshd } from '../../support/sshd.js';
import { lines, words } from './words.js';

const long = `${words}${'x'.repeat(200_000)}${words}`;
const digest = 'ab'.repeat(32);

/** Files of a machine and what it says in them. */
const files: Readonly<Record<string, string>> = {
  '/etc/os-release': `ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian ${words} \0 12"\nNAME="${long}"\n${lines}`,
  '/proc/cpuinfo': `processor\t: 0\nvendor_id\t: ${words}\ncpu family\t: 6\nmodel\t\t: 1\nmodel name\t: Xeon ${long}\nflags\t\t: fpu ${words}\n${lines}`,
  '/proc/cmdline': `quiet isolcpus=${words} ${long}\n`,
  '/proc/sys/kernel/osrelease': `6.1.0-${words}\n`,
  '/proc/sys/kernel/version': `#1 SMP ${words}\n`,
  '/proc/interrupts': `           CPU0       CPU1\n  1:   5   6   IO-APIC   1-edge   ${lines}`,
  '/sys/class/dmi/id/sys_vendor': `${words}\n`,
  '/sys/class/dmi/id/product_name': `${words}\n`,
  '/sys/class/dmi/id/bios_vendor': `${words}\n`,
  '/sys/devices/system/clocksource/clocksource0/current_clocksource': `${words}\n`,
  '/sys/kernel/mm/transparent_hugepage/enabled': `always [${words}] never\n`,
};

const image = {
  schemaVersion: 1,
  digest,
  manifest: { name: 'mine', kernel: 'rt', packages: [] },
  mode: 'root',
  release: `6.1.0-${words}`,
  cmdline: words,
  packages: { [words]: words },
  files: { disk: { sha256: digest, size: 1, modified: '1700000000.5' } },
};

/** A tool that says much and then measures, or with an interval of 3 ms does not. */
const tool = (real: string, said: string): string => `#!/bin/sh
cat '${said}' >&2
case "$*" in *3000*) cat '${said}'; exit 9 ;; esac
exec '${real}' "$@"
`;

/** A machine all of whose words are hostile: names, files, tools, journals, images. */
export interface HostileHost extends AsyncDisposable {
  readonly sshd: Sshd;
  /** Starts a command in that machine. */
  readonly inside: readonly string[];
}

const script = `
set -eu
trees=$1; shift
mount --make-rprivate /
head -c 60 "$trees/hostname" > /proc/sys/kernel/hostname
# What is written below /var is seen by nobody else, and gone with it.
mount -t tmpfs hostile "$trees/scratch"
for state in lib cache; do
  mkdir -p "$trees/scratch/$state/work" "$trees/scratch/$state/upper/kvm4nfv"
  cp -r "$trees/var/$state/kvm4nfv/." "$trees/scratch/$state/upper/kvm4nfv"
  mount -t overlay -o "lowerdir=/var/$state,upperdir=$trees/scratch/$state/upper,workdir=$trees/scratch/$state/work" overlay "/var/$state"
done
while IFS= read -r path; do
  [ ! -e "$path" ] || mount --bind "$trees$path" "$path"
done < "$trees/list"
exec "$@"`;

export const startHostileHost = async (): Promise<HostileHost> => {
  const trees = await mkdtemp(join(tmpdir(), 'kvm4nfv-hostile-'));
  const put = async (path: string, text: string, mode = 0o644): Promise<void> => {
    await mkdir(join(trees, path, '..'), { recursive: true });
    await writeFile(join(trees, path), text, { mode });
  };
  const real = execFileSync('sh', ['-c', 'command -v cyclictest'], { encoding: 'utf8' }).trim();
  for (const [path, text] of Object.entries(files)) await put(path, text);
  await put('said', `${lines}${long}\n`);
  await copyFile(real, join(trees, 'cyclictest'));
  await put(real, tool(join(trees, 'cyclictest'), join(trees, 'said')), 0o755);
  await chmod(join(trees, 'cyclictest'), 0o755);
  await put('hostname', `h\u001B[44mHOSTILE\u009B2J\u202E`);
  await put('list', `${[...Object.keys(files), real].join('\n')}\n`);
  await put(`/var/cache/kvm4nfv/images/${digest}/image.json`, JSON.stringify(image));
  await put(`/var/cache/kvm4nfv/images/${digest}/sums`, '');
  await put(`/var/cache/kvm4nfv/lab/machines/lab/${words.replaceAll('/', '_')}/record.json`, lines);
  await put(`/var/lib/kvm4nfv/journal/${words.replaceAll('/', '_')}.ndjson`, `{"${lines}\n`);
  await put(`/var/lib/kvm4nfv/journal/torn.ndjson`, `${lines}${lines}`);
  await mkdir(join(trees, 'scratch'));
  const inside = ['unshare', '--mount', '--uts', '--propagation', 'private', 'sh', '-c', script, 'hostile', trees];
  const sshd = await startSshd({ prefix: inside });
  return {
    sshd,
    inside,
    [Symbol.asyncDispose]: async () => {
      await sshd[Symbol.asyncDispose]();
      await rm(trees, { recursive: true, force: true });
    },
  };
};
