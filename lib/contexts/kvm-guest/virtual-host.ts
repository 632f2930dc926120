import type { Host } from '../../host/host.js';
import { buildImage } from '../../image/build.js';
import { cacheDirectory } from '../../image/cache.js';
import type { Definition } from '../../lab/definition.js';
import { hostManifest } from '../../lab/host-image.js';
import type { VirtualHostOptions } from '../../lab/options.js';
import { virtualHostCommandLine } from '../../lab/restart.js';
import { startVirtualHost } from '../../lab/start.js';
import { savedState } from '../../lab/state.js';
import { qemuTree } from '../../lab/tree.js';
import type { VirtualHost } from '../../lab/virtual-host.js';
import type { Deployer, Deployment } from '../context.js';
import { keepFile } from './keep.js';
import { surroundings, type Surroundings } from './surroundings.js';

export interface VirtualHostStart {
  readonly run: string;
  readonly name: string;
  readonly signal: AbortSignal;
  readonly progress: (stage: string) => void;
}

const defined = async (
  host: Host,
  options: VirtualHostOptions,
  { run, signal, progress }: VirtualHostStart,
): Promise<Definition> => {
  const tree = await qemuTree(host, { signal, progress, run });
  const image = await buildImage(host, hostManifest(options), { signal, progress, run });
  // Guests of the emulated host start from the images that its own host has.
  return { options, image, tree, images: await cacheDirectory(host, { signal }) };
};

export interface RaisedVirtualHost {
  readonly machine: VirtualHost;
  readonly definition: Definition;
}

/** Starts an emulated host from the saved state of its definition; what is not there yet (QEMU, image, state) is made first. */
export const raiseVirtualHost = async (
  host: Host,
  options: VirtualHostOptions,
  start: VirtualHostStart,
): Promise<RaisedVirtualHost> => {
  const definition = await defined(host, options, start);
  const state = await savedState(host, definition, start);
  start.progress('starting from a saved state');
  return { definition, machine: await startVirtualHost(host, definition, { ...start, hostname: 'dut', state }) };
};

/** The options that make a machine what it is: saved states are named by them. */
export const machineOptions = (
  options: VirtualHostOptions & Surroundings & { readonly preset: string },
): VirtualHostOptions =>
  Object.fromEntries(
    Object.entries(options).filter(([key]) => key !== 'preset' && !(key in surroundings)),
  ) as VirtualHostOptions;

/** Makes an emulated host the SUT. */
export const deployVirtualHost = async (options: VirtualHostOptions, on: Deployer): Promise<Deployment> => {
  const { host, run, name, signal, directory } = on;
  const { machine, definition } = await raiseVirtualHost(host, options, {
    run,
    name,
    signal,
    progress: (stage) => {
      on.progress(stage);
    },
  });
  const keepConsole = async (): Promise<void> =>
    keepFile(directory, `console-${name}.log`, await machine.console().catch(() => ''));
  try {
    const sut = await machine.connect({ signal });
    return {
      sut,
      throwAway: true,
      commandLine: virtualHostCommandLine(machine, definition, sut),
      traits: { emulated: true, warm: true, preset: 'virtual-host' },
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
