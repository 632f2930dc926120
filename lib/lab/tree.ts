import { createHash } from 'node:crypto';
import { Kvm4nfvError } from '../error.js';
import { CommandError, type Host } from '../host/host.js';
import { sourcesFor } from '../image/apt-sources.js';
import { buildMark, buildMode } from '../image/build.js';
import { tar } from '../image/tar.js';
import { hostManifest } from './host-image.js';
import { labDirectory, type LabOptions } from './places.js';
import { emulatorScript, imageToolScript, treePackages, treeScript } from './tree-scripts.js';

export interface TreeOptions extends LabOptions {
  /** Says which stage has been reached. */
  readonly progress?: (stage: string) => void;
  /** Milliseconds for the download and the unpacking. Default: 20 minutes. */
  readonly timeout?: number;
  /** `machine` and `tree` force where QEMU comes from. Default: the machine's where it can do all, else the tree's. */
  readonly origin?: 'machine' | 'tree';
  /** Run that it is made for: what a killed run was making is ended by its name. */
  readonly run?: string;
}

/** A QEMU that can be a host with SR-IOV. Paths are of the host that it is on. */
export interface QemuTree {
  readonly origin: 'machine' | 'tree';
  /** Where it is: the tree, or / for the machine's own. */
  readonly directory: string;
  /** For a command line as for libvirt's `<emulator>`. */
  readonly emulator: string;
  /** Its qemu-img. */
  readonly imageTool: string;
  /** Such as `10.0.13`. */
  readonly version: string;
  /** Of its content: a state saved by one QEMU is for that one. */
  readonly digest: string;
}

const suite = 'trixie';
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const recipe = sha256(JSON.stringify([suite, treePackages, treeScript, emulatorScript, imageToolScript]));

const machineScript = `PATH=$PATH:/usr/sbin:/sbin
emulator=$(command -v qemu-system-x86_64) && tool=$(command -v qemu-img) || exit 0
printf '%s\\n%s\\n' "$emulator" "$tool"
"$emulator" --version
"$emulator" -device help`;

/** Version of QEMU from what `--version` prints; undefined where it is none. */
export const parseQemuVersion = (text: string): string | undefined =>
  /QEMU emulator version (\d+\.\d+\.\d+)/.exec(text)?.[1];

/** The NIC `igb` is QEMU's since 8.0; saving to a file at fixed places (`mapped-ram`) since 9.0. */
export const canBeHost = (version: string, devices: string): boolean =>
  Number(version.split('.')[0]) >= 9 && /^name "igb"/m.test(devices) && /^name "intel-iommu"/m.test(devices);

const ofMachine = async (host: Host, signal: { readonly signal?: AbortSignal }): Promise<QemuTree | undefined> => {
  const { stdout } = await host.exec(['sh', '-c', machineScript], { ...signal, check: false, timeout: 60_000 });
  const [emulator = '', imageTool = ''] = stdout.split('\n');
  const version = parseQemuVersion(stdout);
  if (version === undefined || !canBeHost(version, stdout)) return undefined;
  const { stdout: sum } = await host.exec(['sha256sum', '--', emulator], signal);
  return { origin: 'machine', directory: '/', emulator, imageTool, version, digest: sha256(sum) };
};

const find = async (host: Host, directory: string): Promise<QemuTree | undefined> => {
  const { exitCode, stdout } = await host.exec(['cat', '--', `${directory}/version`, `${directory}/sum`], {
    check: false,
  });
  const [version, digest] = stdout.split('\n');
  if (exitCode !== 0 || version === undefined || digest === undefined) return undefined;
  const tool = (name: string): string => `${directory}/bin/${name}`;
  return {
    origin: 'tree',
    directory,
    emulator: tool('qemu-system-x86_64'),
    imageTool: tool('qemu-img'),
    version,
    digest,
  };
};

const explain = (error: unknown, host: Host): unknown => {
  if (!(error instanceof CommandError)) return error;
  const reasons = error.result.stderr.split('\n').filter((line) => /^(E:|Err:|W: Fail|tar:)/.test(line));
  const full = error.result.stderr.includes('No space left on device');
  return new Kvm4nfvError(
    full ? 'E_DISK_FULL' : 'E_QEMU_BUILD',
    `${host.name}: the private QEMU was not made: ${reasons.slice(-4).join('; ') || error.message}`,
    {
      cause: error,
      hint: full ? 'Free about 1 GiB.' : 'Nothing of it was left; see whether apt-get update works there.',
    },
  );
};

/** The QEMU that {@link qemuTree} gives where nothing has to be fetched for it. */
export const findQemuTree = async (host: Host, options: TreeOptions = {}): Promise<QemuTree | undefined> => {
  const signal = options.signal === undefined ? {} : { signal: options.signal };
  const own = options.origin === 'tree' ? undefined : await ofMachine(host, signal);
  if (own !== undefined || options.origin === 'machine') return own;
  return find(host, `${await labDirectory(host, options)}/trees/${recipe}`);
};

/**
 * A QEMU that has `igb`, VT-d and `mapped-ram`: the machine's own where it has them, else Debian 13's from a private tree
 * in the lab's directory, made there from the machine's own package sources where it is not there yet.
 */
export const qemuTree = async (host: Host, options: TreeOptions = {}): Promise<QemuTree> => {
  const signal = options.signal === undefined ? {} : { signal: options.signal };
  const found = await findQemuTree(host, options);
  if (found !== undefined) return found;
  if (options.origin === 'machine')
    throw new Kvm4nfvError('E_NO_QEMU', `${host.name}: its own QEMU can't be a host with SR-IOV`, {
      hint: 'QEMU 9.0 or later, with igb and intel-iommu.',
    });
  const trees = `${await labDirectory(host, options)}/trees`;
  const mode = await buildMode(host, hostManifest());
  const targets = await host.exec(['apt-get', 'indextargets', '--no-release-info'], signal);
  const stdin = tar([
    { path: 'sources.list', content: { text: sourcesFor(suite, targets.stdout) } },
    { path: 'emulator', content: { text: emulatorScript } },
    { path: 'image-tool', content: { text: imageToolScript } },
  ]);
  options.progress?.('fetching QEMU into a private tree');
  try {
    const argv = ['sh', '-c', treeScript, 'tree', trees, recipe, mode, suite, treePackages.join(',')];
    await host.exec(argv, { ...signal, ...buildMark(options.run), stdin, timeout: options.timeout ?? 20 * 60_000 });
  } catch (error) {
    throw explain(error, host);
  }
  const built = await find(host, `${trees}/${recipe}`);
  if (built === undefined) throw new Kvm4nfvError('internal', `${host.name}: no tree in ${trees} after it was made`);
  return built;
};
