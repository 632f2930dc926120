import { createHash } from 'node:crypto';
import { Kvm4nfvError, messageOf } from '../error.js';
import { CommandError, type Host } from '../host/host.js';
import { reapScript } from '../host/reap-script.js';
import { sourcesFor } from './apt-sources.js';
import { buildScript, customizeScript, initrdModules, makeDiskScript } from './build-scripts.js';
import type { BuiltImage } from './built-image.js';
import { cacheDirectory, findImage, verifyImage, type CacheOptions } from './cache.js';
import { guestFiles } from './guest-files.js';
import { initScript } from './guest-scripts.js';
import { manifestDigest, packagesOf, type ImageManifest } from './manifest.js';
import { tar, type TarEntry } from './tar.js';

export interface BuildOptions extends CacheOptions {
  /** Says which stage has been reached. */
  readonly progress?: (stage: string) => void;
  /** Milliseconds that a build may take, waiting for another builder of the same image included. Default: 30 minutes. */
  readonly timeout?: number;
  /** Run that it is built for: what a killed run was building is ended by its name. */
  readonly run?: string;
}

/** Time stamp of every file that is younger: 2024-01-01. */
const epoch = Date.UTC(2024, 0, 1) / 1000;

const bundle = (manifest: ImageManifest, sources: string): Buffer => {
  const modules: readonly TarEntry[] =
    manifest.modules.length === 0
      ? []
      : [{ path: 'etc/modules-load.d/kvm4nfv.conf', content: { text: manifest.modules.join('\n') + '\n' } }];
  const files = tar(
    [
      ...guestFiles.map((file): TarEntry =>
        'link' in file
          ? { path: file.path, content: { link: file.link } }
          : { path: file.path, mode: file.mode ?? 0o644, content: { text: file.text } },
      ),
      ...modules,
      { path: 'kvm4nfv-build', content: 'directory' },
      { path: 'kvm4nfv-build/setup', mode: 0o755, content: { text: manifest.setup } },
      { path: 'kvm4nfv-build/customize', mode: 0o755, content: { text: customizeScript } },
      { path: 'kvm4nfv-build/init', mode: 0o755, content: { text: initScript } },
    ],
    epoch,
  );
  return tar([
    { path: 'files.tar', content: { text: files } },
    { path: 'sources.list', content: { text: sources } },
    { path: 'manifest.json', content: { text: JSON.stringify(manifest, null, 2) + '\n' } },
    { path: 'make-disk', content: { text: makeDiskScript } },
  ]);
};

/** A UUID that says which image a file system is of, the same at every build. */
const uuidOf = (digest: string): string => {
  const hex = createHash('sha256').update(`file system of ${digest}`).digest('hex');
  const variant = ((parseInt(hex.slice(16, 18), 16) & 0x3f) | 0x80).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(18, 20)}-${hex.slice(20, 32)}`;
};

const modeScript = `for tool in mmdebstrap mke2fs flock tar unshare sha256sum xz "$@"; do
  PATH=$PATH:/usr/sbin:/sbin command -v "$tool" >/dev/null || echo "missing $tool"
done
user=$(id -un)
if [ "$(id -u)" = 0 ]; then echo mode root
elif command -v newuidmap >/dev/null && grep -q "^$user:" /etc/subuid && grep -q "^$user:" /etc/subgid; then echo mode unshare
else echo mode none; fi`;

const packageOf: Readonly<Record<string, string>> = {
  mke2fs: 'e2fsprogs',
  'qemu-img': 'qemu-utils',
  flock: 'util-linux',
  xz: 'xz-utils',
  unshare: 'util-linux',
};

/** Whether the host can build images and how it gets root inside the new file system. Throws an environment error. */
export const buildMode = async (host: Host, manifest: ImageManifest): Promise<'root' | 'unshare'> => {
  const more = manifest.format === 'qcow2' ? ['qemu-img'] : [];
  const { stdout } = await host.exec(['sh', '-c', modeScript, 'mode', ...more]);
  const missing = [...stdout.matchAll(/^missing (.*)$/gm)].map(([, tool = '']) => tool);
  if (missing.length > 0) {
    const packages = [...new Set(missing.map((tool) => packageOf[tool] ?? tool))].join(' ');
    throw new Kvm4nfvError('E_IMAGE_TOOLS', `${host.name} lacks ${missing.join(', ')} to build an image`, {
      hint: `Install there: ${packages}`,
    });
  }
  const mode = /^mode (.*)$/m.exec(stdout)?.[1];
  if (mode === 'root' || mode === 'unshare') return mode;
  throw new Kvm4nfvError(
    'E_IMAGE_TOOLS',
    `${host.name}: an image can be built by root, or by a user with a range of subordinate ids`,
    {
      hint: 'Install uidmap and give the user a range in /etc/subuid and /etc/subgid, or build as root.',
    },
  );
};

const explain = (error: unknown, host: Host, cache: string, manifest: ImageManifest): unknown => {
  if (!(error instanceof CommandError)) return error;
  const said = error.result.stderr + error.result.stdout;
  if (/No space left on device|Could not allocate block|You don't have enough free space/.test(said)) {
    return new Kvm4nfvError(
      'E_DISK_FULL',
      `${host.name}: the disk of ${cache} is full: image ${manifest.name} was not built`,
      {
        hint: 'Free about 2 GiB there, or name another cache directory. Nothing of the build was left.',
        cause: error,
      },
    );
  }
  const reasons = error.result.stderr
    .split('\n')
    .filter((line) => /^(E:|Err:|W: Fail|mke2fs|qemu-img|tar:|.*error:)/.test(line));
  return new Kvm4nfvError(
    'E_IMAGE_BUILD',
    `${host.name}: image ${manifest.name} was not built: ${reasons.slice(-6).join('; ') || messageOf(error)}`,
    {
      hint: "Check the packages' names, and that apt can fetch packages on that machine (`apt-get update`).",
      cause: error,
    },
  );
};

/** The environment of what is built for a run; {@link endBuilds} ends all that has it. */
export const buildMark = (run: string | undefined): { readonly env?: Record<string, string> } =>
  run === undefined ? {} : { env: { KVM4NFV_BUILD: run } };

/** Ends the builds of a run whose controller was killed; what they leave is nobody's then. */
export const endBuilds = async (
  host: Host,
  run: string,
  options: { readonly signal?: AbortSignal } = {},
): Promise<void> => {
  await host.exec(['sh', '-c', reapScript, 'sh', `KVM4NFV_BUILD=${run}`, '', '200'], { ...options, timeout: 60_000 });
};

const cleanScript = `exec 9>"$1/$2.lock" && flock -n 9 && rm -rf --one-file-system "$1/$2.building"`;

/**
 * The image of a manifest, from the host's cache where it is there (checked by size and time of change), else built there:
 * by mmdebstrap, in a user namespace where the user is not root, from the archives that the host's own apt uses. Two
 * builders of one image at the same time build it once. A build that fails or is interrupted leaves nothing.
 */
export const buildImage = async (
  host: Host,
  manifest: ImageManifest,
  options: BuildOptions = {},
): Promise<BuiltImage> => {
  const signal = options.signal === undefined ? {} : { signal: options.signal };
  const cache = await cacheDirectory(host, options);
  const digest = manifestDigest(manifest);
  const cached = await findImage(host, cache, digest);
  if (cached !== undefined) {
    await verifyImage(host, cached, signal);
    return cached;
  }
  const mode = await buildMode(host, manifest);
  const targets = await host.exec(['apt-get', 'indextargets', '--no-release-info'], signal);
  const sources = sourcesFor(manifest.suite, targets.stdout);
  options.progress?.(`building image ${manifest.name} (${mode} mode)`);
  const users = manifest.users.map((user) => user.name).join(' ');
  const values = [manifest.suite, packagesOf(manifest).join(','), String(epoch), String(manifest.size), uuidOf(digest)];
  const argv = [
    'sh',
    '-c',
    buildScript,
    'build',
    cache,
    digest,
    mode,
    ...values,
    manifest.format,
    users,
    ...initrdModules,
  ];
  try {
    await host.exec(argv, {
      ...signal,
      ...buildMark(options.run),
      stdin: bundle(manifest, sources),
      timeout: options.timeout ?? 30 * 60_000,
    });
  } catch (error) {
    await host.exec(['sh', '-c', cleanScript, 'clean', cache, digest], { check: false });
    throw explain(error, host, cache, manifest);
  }
  const built = await findImage(host, cache, digest);
  if (built === undefined)
    throw new Kvm4nfvError('internal', `${host.name}: no image in ${cache}/${digest} after its build`);
  options.progress?.(`image ${manifest.name} is ready`);
  return built;
};
