import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { access, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { eventually } from './eventually.js';
import './slow.js';

/** Runs libvirtd on directories of its own: in its mount namespace they stand where it expects the system's. */
const inside = `set -e
d=$1
mount --make-rprivate /
mount --bind "$d/run" /run
mount --bind "$d/etc" /etc/libvirt
mount --bind "$d/lib" /var/lib/libvirt
mount --bind "$2" /var/cache/libvirt
mount --bind "$d/log" /var/log/libvirt
[ "$3" = no ] || ip link set lo up
exec libvirtd -f "$d/etc/libvirtd.conf"
`;

const libvirtdConf = (directory: string): string => `unix_sock_group = "root"
auth_unix_ro = "none"
auth_unix_rw = "none"
host_uuid = "${crypto.randomUUID()}"
log_outputs = "3:file:${directory}/libvirtd.log"
`;

const qemuConf = `user = "root"
group = "root"
security_driver = "none"
namespaces = []
cgroup_controllers = []
remember_owner = 0
stdio_handler = "file"
`;

const programs = ['/usr/sbin/libvirtd', '/usr/bin/virsh', '/usr/bin/unshare', '/usr/bin/qemu-system-x86_64'];

/** Why no private libvirtd can be started here; undefined where it can. */
export const noLibvirtd = async (): Promise<string | undefined> => {
  if (process.getuid?.() !== 0) return 'a private libvirtd needs root';
  for (const program of programs) if (!(await exists(program))) return `${program} is not installed`;
  return undefined;
};

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** A libvirtd with its own sockets, state and configuration: a system's own one is neither needed nor touched. */
export interface PrivateLibvirtd extends AsyncDisposable {
  readonly directory: string;
  readonly uri: string;
  readonly socket: string;
  readonly pid: number;
  /** Ends libvirtd, by SIGKILL unless told otherwise; its guests run on. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again on the same state. */
  restart(): Promise<void>;
}

class Libvirtd implements PrivateLibvirtd {
  readonly directory: string;
  readonly uri: string;
  readonly socket: string;
  private readonly network: boolean;
  private child: ChildProcess | undefined;

  constructor(directory: string, network: boolean) {
    this.directory = directory;
    this.network = network;
    this.socket = join(directory, 'run/libvirt/libvirt-sock');
    this.uri = `qemu+unix:///system?socket=${this.socket}`;
  }

  get pid(): number {
    if (this.child?.pid === undefined) throw new Error('libvirtd does not run');
    return this.child.pid;
  }

  async restart(): Promise<void> {
    const cache = resolve('node_modules/.cache/kvm4nfv-libvirtd');
    await mkdir(cache, { recursive: true });
    await rm(this.socket, { force: true });
    const argv = [
      '-m',
      ...(this.network ? ['-n'] : []),
      'sh',
      '-c',
      inside,
      'sh',
      this.directory,
      cache,
      this.network ? 'yes' : 'no',
    ];
    // Not by `begin`: where a test starts it again, it is for the tests after that too.
    const child = spawn('unshare', argv, { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (data: Buffer) => (said += data.toString()));
    this.child = child;
    await eventually('libvirtd', async () => child.exitCode !== null || (await exists(this.socket)));
    if (child.exitCode !== null) throw new Error(`libvirtd did not start: ${said}${await this.log()}`);
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.child;
    this.child = undefined;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill('SIGTERM');
    const files = await readdir(join(this.directory, 'run/libvirt/qemu')).catch(() => []);
    for (const file of files.filter((name) => name.endsWith('.pid'))) {
      const pid = Number(await readFile(join(this.directory, 'run/libvirt/qemu', file), 'utf8'));
      await endProcess(pid);
    }
    await rm(this.directory, { recursive: true, force: true });
  }

  private log(): Promise<string> {
    return readFile(join(this.directory, 'libvirtd.log'), 'utf8').catch(() => '');
  }
}

const endProcess = async (pid: number): Promise<void> => {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    return;
  }
  await eventually(`the end of ${String(pid)}`, () => !existsSync(`/proc/${String(pid)}`));
};

/** Starts a private libvirtd. `network`: in a network namespace of its own, where it may make bridges. */
export const startLibvirtd = async (options: { readonly network?: boolean } = {}): Promise<PrivateLibvirtd> => {
  const directory = await mkdtemp(join(tmpdir(), 'kvm4nfv-libvirtd-'));
  for (const part of ['run', 'etc/qemu/networks', 'lib', 'log'])
    await mkdir(join(directory, part), { recursive: true });
  await writeFile(join(directory, 'etc/libvirtd.conf'), libvirtdConf(directory));
  await writeFile(join(directory, 'etc/qemu.conf'), qemuConf);
  const libvirtd = new Libvirtd(directory, options.network ?? false);
  try {
    await libvirtd.restart();
  } catch (error) {
    await libvirtd[Symbol.asyncDispose]();
    throw error;
  }
  return libvirtd;
};
