import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Host } from '../../host/host.js';
import { buildImage } from '../../image/build.js';
import { cacheDirectory } from '../../image/cache.js';
import type { Definition } from '../../lab/definition.js';
import { hostManifest } from '../../lab/host-image.js';
import type { VirtualHostOptions } from '../../lab/options.js';
import { startVirtualHost } from '../../lab/start.js';
import { savedState } from '../../lab/state.js';
import { qemuTree } from '../../lab/tree.js';
import type { VirtualHost } from '../../lab/virtual-host.js';
import type { Deployer, Deployment } from '../context.js';

export interface VirtualHostStart {
  readonly run: string;
  readonly name: string;
  readonly signal: AbortSignal;
  readonly progress: (stage: string) => void;
}

const defined = async (host: Host, options: VirtualHostOptions, { signal, progress }: VirtualHostStart): Promise<Definition> => {
  const tree = await qemuTree(host, { signal, progress });
  const image = await buildImage(host, hostManifest(options), { signal, progress });
  // Guests of the emulated host start from the images that its own host has.
  return { options, image, tree, images: await cacheDirectory(host, { signal }) };
};

/** Starts an emulated host from the saved state of its definition; what is not there yet (QEMU, image, state) is made first. */
export const raiseVirtualHost = async (host: Host, options: VirtualHostOptions, start: VirtualHostStart): Promise<VirtualHost> => {
  const definition = await defined(host, options, start);
  const state = await savedState(host, definition, start);
  start.progress('starting from a saved state');
  return startVirtualHost(host, definition, { ...start, hostname: 'dut', state });
};

/** Makes an emulated host the SUT. */
export const deployVirtualHost = async (options: VirtualHostOptions, on: Deployer): Promise<Deployment> => {
  const { host, run, name, signal, directory } = on;
  const machine = await raiseVirtualHost(host, options, { run, name, signal, progress: (stage) => { on.progress(stage); } });
  const keepConsole = async (): Promise<void> => {
    await mkdir(directory, { recursive: true });
    await writeFile(path.join(directory, `console-${name}.log`), await machine.console().catch(() => ''));
  };
  try {
    const sut = await machine.connect({ signal });
    return {
      sut,
      traits: { emulated: true, warm: true, preset: 'virtual-host' },
      diagnostics: async () => [{ name: `console-${name}.log`, text: await machine.console() }],
      [Symbol.asyncDispose]: async () => {
        await keepConsole();
        await sut[Symbol.asyncDispose]();
        await machine[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await machine[Symbol.asyncDispose]();
    throw error;
  }
};
