import path from 'node:path';
import { Kvm4nfvError, messageOf } from '../../error.js';
import { UntrustedError } from '../../host/trust.js';
import { newGuestKeys, type GuestKeys } from '../../image/keys.js';
import { createOverlay } from '../../image/overlay.js';
import { domainXml, parseDomainSpec } from '../../libvirt/domain/domain-xml.js';
import type { DomainOptions } from '../../libvirt/domain/spec.js';
import type { Hypervisor } from '../../libvirt/hypervisor.js';
import { Teardown } from '../../teardown.js';
import type { Deployer, Deployment } from '../context.js';
import { managementAddress } from './address.js';
import { allOf } from './all-of.js';
import { chooseAccelerator, hasInvariantTsc, placeAndTake } from './choice.js';
import { connect } from './connection.js';
import { directoryScript, removeDirectoryScript } from './directory.js';
import { guardDisks } from './disk-guard.js';
import { makeDisks } from './disks.js';
import {
  canBeSaved,
  domainOptions,
  filesOf,
  identify,
  usesNoNetwork,
  type GuestDefinition,
  type GuestDevices,
  type GuestIdentity,
} from './domain.js';
import type { KvmGuestOptions } from './fields.js';
import { whyGone } from './qemu-process.js';
import { endGuest } from './end.js';
import { keepFile } from './keep.js';
import { guestReady, type ReadyGuest } from './ready.js';
import { giveBack, takePort } from './resources.js';
import { directCommandLine } from './restart.js';
import { guestSource } from './source.js';
import { writeSeed } from './seed.js';
import { verifyGuest } from './verify.js';
import { copySaved, dropSaved, findSaved, saveGuest, startSaved, stateKey, type SavedGuest } from './warm.js';

/** A guest being made: each step leaves behind how it is undone. */
class Guest {
  readonly #options: KvmGuestOptions;
  readonly #on: Deployer;
  readonly #devices: GuestDevices | undefined;
  /** Once its QEMU is gone nothing of it is left: libvirtd, which may take seconds to see to that, need not be waited for. */
  #forgotten = false;
  /** Its QEMU ends and another one starts, which is no fault. */
  #restarting = false;
  readonly #teardown = new Teardown();

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
          'E_GUEST_END',
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
      this.#teardown.defer('libvirt connection', async () => connection[Symbol.asyncDispose]());
      this.#forgotten = connection.own && this.#devices === undefined && usesNoNetwork(options);
      return connection.hypervisor;
    });
    this.#teardown.defer('leases', () => giveBack(host, run, name));
    const owner = { run, context: name };
    const [hypervisor, accelerator, source, placement, port] = await allOf(
      connecting,
      chooseAccelerator(host, options.accelerator, signal),
      guestSource(host, options, { signal, progress, run }),
      placeAndTake(host, facts, options, owner),
      options.network === 'user' ? takePort(host, owner) : Promise.resolve(undefined),
      guardDisks(host, facts, options, signal),
    );
    const devices = this.#devices === undefined ? {} : { devices: this.#devices };
    const invariantTsc = await hasInvariantTsc(hypervisor, options, accelerator, signal);
    const definition: GuestDefinition = { options, source, accelerator, placement, invariantTsc, ...devices };
    const identity = identify(run, name, port, facts.user.uid);
    const [versions] = await Promise.all([
      options.warm ? hypervisor.versions({ signal }) : undefined,
      this.#makeDirectory(identity),
    ]);
    const keys = newGuestKeys(run, name);
    const { ready, warm } = await this.#start(hypervisor, definition, identity, keys, versions);
    const { sut, bootId } = ready;
    this.#teardown.defer('SSH connection', async () => sut[Symbol.asyncDispose]());
    progress('reading back what it was given');
    const verify = (domain: DomainOptions) => verifyGuest(host, hypervisor.uri, parseDomainSpec(domain), sut, signal);
    await verify(domainOptions(definition, identity));
    const rewriteSeed = (): Promise<string> => writeSeed(definition, identity, keys, identity.mac);
    const restarting = (is: boolean): void => {
      this.#restarting = is;
    };
    const traits = {
      emulated: accelerator === 'tcg',
      warm,
      accelerator,
      image: source.checksum.slice(0, 16),
      bootId,
      ...(placement === undefined
        ? {}
        : {
            vcpus: placement.vcpus.map((cpus) => cpus.join('/')).join(','),
            ...(placement.explanation === undefined ? {} : { placement: placement.explanation }),
          }),
    };
    const rebooted = async (domain: DomainOptions): Promise<void> => {
      await verify(domain);
      traits.bootId = (await sut.read('/proc/sys/kernel/random/boot_id')).trim();
      traits.warm = false;
    };
    const commandLine = directCommandLine({
      sut,
      host: this.#on.host,
      hypervisor,
      definition,
      identity,
      writeSeed: rewriteSeed,
      restarting,
      rebooted,
    });
    return {
      sut,
      throwAway: true,
      ...(commandLine === undefined ? {} : { commandLine }),
      traits,
      [Symbol.asyncDispose]: async () => {
        const left = await this.#takeDown();
        if (left.length > 0) throw new Kvm4nfvError('E_GUEST_END', `guest ${name}: ${left.join('; ')}`);
      },
    };
  }

  async #makeDirectory({ directory }: GuestIdentity): Promise<void> {
    const { host, signal } = this.#on;
    const parent = path.posix.dirname(directory);
    let refused = false;
    this.#teardown.defer(`directory ${directory}`, async () => {
      if (!refused) await host.exec(['sh', '-c', removeDirectoryScript, 'sh', parent, directory]);
    });
    await host.exec(['sh', '-c', directoryScript, 'sh', parent, directory], { signal }).catch((error: unknown) => {
      refused = error instanceof UntrustedError;
      throw error;
    });
  }

  async #start(
    hypervisor: Hypervisor,
    definition: GuestDefinition,
    identity: GuestIdentity,
    keys: GuestKeys,
    versions: unknown,
  ): Promise<{ ready: ReadyGuest; warm: boolean }> {
    const { host, facts, signal, progress } = this.#on;
    if (!this.#options.warm || !canBeSaved(definition))
      return { ready: await this.#cold(hypervisor, definition, identity, keys), warm: false };
    const key = stateKey(definition, { versions, cpu: facts.cpu });
    const saved = await findSaved(host, key, signal);
    if (saved !== undefined) {
      try {
        return { ready: await this.#warm(hypervisor, definition, identity, keys, saved), warm: true };
      } catch (error) {
        signal.throwIfAborted();
        progress(`the saved state can't be used: ${messageOf(error).split('\n', 1)[0] ?? ''}`);
        await endGuest(host, hypervisor, identity);
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
      writeSeed(definition, identity, keys, identity.mac),
      makeDisks(host, options, identity.directory, signal),
    ]);
    progress(`booting (${definition.accelerator})`);
    this.#deferEnd(hypervisor, identity);
    const xml = domainXml(domainOptions(definition, identity));
    await keepFile(this.#on.directory, `${identity.context}.xml`, xml);
    // Not to be interrupted: libvirtd would go on without us, and start the guest after it was looked for.
    // What we made ourselves is valid, and to check it costs a third of a second.
    await hypervisor.create(xml, { validate: options.xml.length > 0 });
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
      writeSeed(definition, identity, keys, saved.identity.mac),
      keepFile(this.#on.directory, `${identity.context}.xml`, domainXml(domainOptions(definition, identity))),
      copySaved(host, saved, identity, signal),
    ]);
    this.#deferEnd(hypervisor, identity);
    await startSaved(host, hypervisor, identity, id, signal);
    return this.#ready(hypervisor, definition, identity, keys, true);
  }

  #deferEnd(hypervisor: Hypervisor, identity: GuestIdentity): void {
    this.#teardown.defer(`domain ${identity.name}`, () =>
      endGuest(this.#on.host, hypervisor, identity, { forgotten: this.#forgotten }),
    );
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
      finished: listening ? undefined : source.finished,
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

  async #takeDown(): Promise<string[]> {
    await this.#keepDiagnostics();
    return this.#teardown.run();
  }

  /** The console as it is at the end goes into the run's directory, whatever happened. */
  async #keepDiagnostics(): Promise<void> {
    const { run, name, facts } = this.#on;
    const text = await this.#console(identify(run, name, undefined, facts.user.uid)).catch(() => undefined);
    if (text !== undefined) await keepFile(this.#on.directory, `console-${name}.log`, text).catch(() => undefined);
  }
}

/** Makes a guest as the options say, waits until it can be worked in, and checks that it is what was asked for. */
export const deployGuest = (options: KvmGuestOptions, on: Deployer, devices?: GuestDevices): Promise<Deployment> =>
  new Guest(options, on, devices).deploy();
