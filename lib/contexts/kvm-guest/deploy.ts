import path from 'node:path';
import { Kvm4nfvError, messageOf } from '../../error.js';
import { newGuestKeys, type GuestKeys } from '../../image/keys.js';
import { createOverlay } from '../../image/overlay.js';
import { domainXml, parseDomainSpec } from '../../libvirt/domain/domain-xml.js';
import type { Hypervisor } from '../../libvirt/hypervisor.js';
import type { Deployer, Deployment } from '../context.js';
import { guestNetwork, managementAddress, userNameserver } from './address.js';
import { allOf } from './all-of.js';
import { chooseAccelerator, hasInvariantTsc, placeAndTake } from './choice.js';
import { connect } from './connection.js';
import { directoryScript } from './directory.js';
import { makeDisks } from './disks.js';
import {
  canBeSaved,
  domainOptions,
  filesOf,
  identify,
  type GuestDefinition,
  type GuestDevices,
  type GuestIdentity,
} from './domain.js';
import type { KvmGuestOptions } from './options.js';
import { endQemu, whyGone } from './qemu-process.js';
import { keepFile } from './keep.js';
import { guestReady, type ReadyGuest } from './ready.js';
import { giveBack, takePort } from './resources.js';
import { directCommandLine } from './restart.js';
import { guestSource } from './source.js';
import { verifyGuest } from './verify.js';
import { applyIdentity, dropSaved, findSaved, saveGuest, startSaved, stateKey, type SavedGuest } from './warm.js';

type Undo = () => Promise<unknown>;
/** At the end there is a way without libvirt: no need to wait long for one that is away. */
const libvirtWithin = 20_000;

/** A guest being made: each step leaves behind how it is undone. */
class Guest {
  readonly #options: KvmGuestOptions;
  readonly #on: Deployer;
  readonly #devices: GuestDevices | undefined;
  /** Its QEMU ends and another one starts, which is no fault. */
  #restarting = false;
  readonly #undo: { readonly what: string; readonly undo: Undo }[] = [];

  constructor(options: KvmGuestOptions, on: Deployer, devices?: GuestDevices) {
    this.#options = options;
    this.#on = on;
    this.#devices = devices;
  }

  async deploy(): Promise<Deployment> {
    try {
      return await this.#make();
    } catch (error) {
      const left = await this.#takeDown();
      if (left.length > 0)
        throw new Kvm4nfvError(
          'teardown',
          `${messageOf(error)}; and then not everything could be removed: ${left.join('; ')}`,
          { cause: error },
        );
      throw error;
    }
  }

  async #make(): Promise<Deployment> {
    const { host, facts, run, name, signal, progress } = this.#on;
    const options = this.#options;
    progress('looking for libvirt and the image');
    const connecting = connect(host, facts, {
      run,
      uri: options.connection,
      implementation: options.hypervisor,
      signal,
    }).then((connection) => {
      this.#later('libvirt connection', async () => connection[Symbol.asyncDispose]());
      return connection.hypervisor;
    });
    this.#later('leases', () => giveBack(host, run, name));
    const owner = { run, context: name };
    const [hypervisor, accelerator, source, placement, port] = await allOf(
      connecting,
      chooseAccelerator(host, options.accelerator, signal),
      guestSource(host, options, { signal, progress }),
      placeAndTake(host, facts, options, owner),
      options.network === 'user' ? takePort(host, owner) : Promise.resolve(undefined),
    );
    const devices = this.#devices === undefined ? {} : { devices: this.#devices };
    const invariantTsc = await hasInvariantTsc(hypervisor, options, accelerator, signal);
    const definition: GuestDefinition = { options, source, accelerator, placement, invariantTsc, ...devices };
    const identity = identify(run, name, port);
    await this.#makeDirectory(identity);
    const keys = newGuestKeys(run, name);
    const { ready, warm } = await this.#start(hypervisor, definition, identity, keys);
    const { sut, bootId } = ready;
    this.#later('SSH connection', async () => sut[Symbol.asyncDispose]());
    progress('reading back what it was given');
    await verifyGuest(host, hypervisor.uri, parseDomainSpec(domainOptions(definition, identity)), sut, signal);
    const writeSeed = (): Promise<string> => this.#writeSeed(definition, identity, keys, identity.mac);
    const restarting = (is: boolean): void => {
      this.#restarting = is;
    };
    const commandLine = directCommandLine({ sut, hypervisor, definition, identity, writeSeed, restarting, signal });
    return {
      sut,
      ...(commandLine === undefined ? {} : { commandLine }),
      traits: {
        emulated: accelerator === 'tcg',
        warm,
        accelerator,
        image: source.checksum.slice(0, 16),
        bootId,
        ...(placement === undefined ? {} : { vcpus: placement.vcpus.map((cpus) => cpus.join('/')).join(',') }),
      },
      diagnostics: async () => [{ name: `console-${name}.log`, text: (await this.#console(identity)) ?? '' }],
      [Symbol.asyncDispose]: async () => {
        const left = await this.#takeDown();
        if (left.length > 0) throw new Kvm4nfvError('teardown', `guest ${name}: ${left.join('; ')}`);
      },
    };
  }

  async #makeDirectory({ directory }: GuestIdentity): Promise<void> {
    const { host, signal } = this.#on;
    const parent = path.posix.dirname(directory);
    this.#later(`directory ${directory}`, async () => {
      await host.exec(['rm', '-rf', '--one-file-system', '--', directory]);
      await host.exec(['rmdir', '--ignore-fail-on-non-empty', '-p', '--', parent], { check: false });
    });
    await host.exec(['sh', '-c', directoryScript, 'sh', parent, directory], { signal });
  }

  async #start(
    hypervisor: Hypervisor,
    definition: GuestDefinition,
    identity: GuestIdentity,
    keys: GuestKeys,
  ): Promise<{ ready: ReadyGuest; warm: boolean }> {
    const { host, facts, signal, progress } = this.#on;
    if (!this.#options.warm || !canBeSaved(definition))
      return { ready: await this.#cold(hypervisor, definition, identity, keys), warm: false };
    const key = stateKey(definition, { versions: await hypervisor.versions({ signal }), cpu: facts.cpu });
    const saved = await findSaved(host, key, signal);
    if (saved !== undefined) {
      try {
        return { ready: await this.#warm(hypervisor, definition, identity, keys, saved), warm: true };
      } catch (error) {
        signal.throwIfAborted();
        progress(`the saved state can't be used: ${messageOf(error).split('\n', 1)[0] ?? ''}`);
        await this.#destroy(hypervisor, identity);
        await dropSaved(host, saved);
        await host.exec(['rm', '-f', '--', filesOf(identity).disk]);
      }
    }
    const first = await this.#cold(hypervisor, definition, identity, keys);
    await first.sut[Symbol.asyncDispose]();
    progress('saving its state for later runs');
    const made = await saveGuest(host, hypervisor, key, identity, signal);
    return { ready: await this.#warm(hypervisor, definition, identity, keys, made), warm: true };
  }

  async #cold(
    hypervisor: Hypervisor,
    definition: GuestDefinition,
    identity: GuestIdentity,
    keys: GuestKeys,
  ): Promise<ReadyGuest> {
    const { host, signal, progress } = this.#on;
    const { source, options } = definition;
    await Promise.all([
      createOverlay(host, { disk: source.disk, format: source.format }, filesOf(identity).disk, { signal }),
      this.#writeSeed(definition, identity, keys, identity.mac),
      makeDisks(host, options, identity.directory, signal),
    ]);
    progress(`booting (${definition.accelerator})`);
    this.#later(`domain ${identity.name}`, () => this.#destroy(hypervisor, identity));
    const xml = domainXml(domainOptions(definition, identity));
    await keepFile(this.#on.directory, `${identity.context}.xml`, xml);
    // Not to be interrupted: libvirtd would go on without us, and start the guest after it was looked for.
    await hypervisor.create(xml);
    signal.throwIfAborted();
    return this.#ready(hypervisor, definition, identity, keys, false);
  }

  async #warm(
    hypervisor: Hypervisor,
    definition: GuestDefinition,
    identity: GuestIdentity,
    keys: GuestKeys,
    saved: SavedGuest,
  ): Promise<ReadyGuest> {
    const { host, signal, progress } = this.#on;
    progress('starting from a saved state');
    const [, id] = await Promise.all([
      createOverlay(host, { disk: `${saved.directory}/disk.qcow2`, format: 'qcow2' }, filesOf(identity).disk, {
        signal,
      }),
      this.#writeSeed(definition, identity, keys, saved.identity.mac),
      keepFile(this.#on.directory, `${identity.context}.xml`, domainXml(domainOptions(definition, identity))),
    ]);
    this.#later(`domain ${identity.name}`, () => this.#destroy(hypervisor, identity));
    await startSaved(host, hypervisor, saved, identity, signal);
    await applyIdentity(host, identity, id, signal);
    return this.#ready(hypervisor, definition, identity, keys, true);
  }

  async #writeSeed(
    { source, options }: GuestDefinition,
    identity: GuestIdentity,
    keys: GuestKeys,
    mac: string,
  ): Promise<string> {
    const id = `${identity.run}:${String(Date.now())}`;
    const network = { ...guestNetwork(options, identity), mac };
    const hostname = identity.context
      .replaceAll(/[^A-Za-z0-9-]+/g, '-')
      .replaceAll(/^-+|-+$/g, '')
      .slice(0, 63);
    const nameservers = options.network === 'user' ? [userNameserver] : [];
    await source.writeSeed(
      { id, hostname: hostname === '' ? 'guest' : hostname, keys, networks: [network], nameservers },
      filesOf(identity).seed,
    );
    return id;
  }

  #ready(
    hypervisor: Hypervisor,
    { source, options }: GuestDefinition,
    identity: GuestIdentity,
    keys: GuestKeys,
    listening: boolean,
  ): Promise<ReadyGuest> {
    const { host, name, signal, progress } = this.#on;
    return guestReady({
      name,
      on: host,
      keys,
      user: source.user,
      address: () => managementAddress(hypervisor, options, identity, signal),
      gone: async () => (this.#restarting ? undefined : whyGone(host, identity.directory, filesOf(identity).console)),
      console: async () => (await this.#console(identity)) ?? '',
      listening,
      finished: source.finished,
      deadline: options.boot_timeout / 1e6,
      signal,
      progress,
    });
  }

  /** The end of the console; undefined where there is none yet. */
  async #console(identity: GuestIdentity): Promise<string | undefined> {
    const { exitCode, stdout } = await this.#on.host.exec(['tail', '-c', '65536', '--', filesOf(identity).console], {
      root: true,
      check: false,
    });
    return exitCode === 0 ? stdout : undefined;
  }

  /** By libvirt, and where that is away, by its process: a domain that does not carry this run's mark is never touched. */
  async #destroy(hypervisor: Hypervisor, { run, name, directory }: GuestIdentity): Promise<void> {
    try {
      const ours = await hypervisor.ours(run, { timeout: libvirtWithin });
      if (ours.some((domain) => domain.name === name)) await hypervisor.destroy(name, { timeout: libvirtWithin });
    } catch {
      // What counts is that its process is gone.
    }
    await endQemu(this.#on.host, directory);
  }

  #later(what: string, undo: Undo): void {
    this.#undo.push({ what, undo });
  }

  async #takeDown(): Promise<string[]> {
    await this.#keepDiagnostics();
    const left: string[] = [];
    for (let step = this.#undo.pop(); step !== undefined; step = this.#undo.pop()) {
      try {
        await step.undo();
      } catch (error) {
        left.push(`${step.what}: ${messageOf(error)}`);
      }
    }
    return left;
  }

  /** The console as it is at the end goes into the run's directory, whatever happened. */
  async #keepDiagnostics(): Promise<void> {
    const { run, name } = this.#on;
    const text = await this.#console(identify(run, name, undefined)).catch(() => undefined);
    if (text !== undefined) await keepFile(this.#on.directory, `console-${name}.log`, text).catch(() => undefined);
  }
}

/** Makes a guest as the options say, waits until it can be worked in, and checks that it is what was asked for. */
export const deployGuest = (options: KvmGuestOptions, on: Deployer, devices?: GuestDevices): Promise<Deployment> =>
  new Guest(options, on, devices).deploy();
