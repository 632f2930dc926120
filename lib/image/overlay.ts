import { Kvm4nfvError } from '../error.js';
import { CommandError, type Host } from '../host/host.js';

/** An image that guests start from and never write. */
export interface BaseImage {
  readonly disk: string;
  readonly format: 'raw' | 'qcow2';
}

/** A throw-away disk that takes a guest's writes. Disposing removes it. */
export interface Overlay extends AsyncDisposable {
  readonly path: string;
  readonly format: 'qcow2';
}

/**
 * Makes a qcow2 overlay of `base` at `path` on the host. `size` in bytes makes the guest's disk larger than the base;
 * smaller is refused. Throws where `path` is there already.
 */
export const createOverlay = async (
  host: Host,
  base: BaseImage,
  path: string,
  options: { readonly size?: number; readonly signal?: AbortSignal } = {},
): Promise<Overlay> => {
  const signal = options.signal === undefined ? {} : { signal: options.signal };
  if (!path.startsWith('/')) throw new Kvm4nfvError('E_IMAGE', `The path of an overlay must be absolute: ${path}`);
  if ((await host.exec(['test', '-e', path], { ...signal, check: false })).exitCode === 0) {
    throw new Kvm4nfvError('E_EXISTS', `${host.name}: ${path} is there already`, {
      hint: 'Name another file; nothing is overwritten.',
    });
  }
  if (options.size !== undefined) {
    const { stdout } = await host.exec(
      ['qemu-img', 'info', '-U', '--output=json', '-f', base.format, base.disk],
      signal,
    );
    const virtual = Number(/"virtual-size": (\d+)/.exec(stdout)?.[1]);
    if (options.size < virtual) {
      throw new Kvm4nfvError(
        'E_IMAGE',
        `An overlay of ${String(options.size)} bytes on ${base.disk}, which has ${String(virtual)}`,
        {
          hint: 'Leave the size out, or make it larger than the base.',
        },
      );
    }
  }
  const size = options.size === undefined ? [] : [String(options.size)];
  const dispose = async (): Promise<void> => {
    await host.exec(['rm', '-f', '--', path]);
  };
  try {
    await host.exec(
      ['qemu-img', 'create', '-q', '-f', 'qcow2', '-F', base.format, '-b', base.disk, path, ...size],
      signal,
    );
  } catch (error) {
    await dispose();
    if (error instanceof CommandError && /No such file|Could not open/.test(error.result.stderr)) {
      throw new Kvm4nfvError(
        'E_HOST_FILE',
        `${host.name}: no overlay ${path} on ${base.disk}: ${error.result.stderr.trim()}`,
        { cause: error },
      );
    }
    throw error;
  }
  return { path, format: 'qcow2', [Symbol.asyncDispose]: dispose };
};
