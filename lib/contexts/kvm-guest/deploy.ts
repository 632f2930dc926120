import path from 'node:path';
import { mkdir, writeFile } from 'node:fs/promises';
import { Kvm4nfvError, messageOf } from '../../error.js';
import { resolveCpus } from '../../host/cpu-list.js';
import { readFacts } from '../../host/facts.js';
import type { HostFacts } from '../../host/facts.js';
import type { Host } from '../../host/host.js';
import { newGuestKeys, type GuestKeys } from '../../image/keys.js';
import { createOverlay } from '../../image/overlay.js';
import { domainXml, parseDomainSpec } from '../../libvirt/domain/domain-xml.js';
import type { Hypervisor } from '../../libvirt/hypervisor.js';
import { probeKvm } from '../../libvirt/kvm-probe.js';
import { placementHostOf } from '../../libvirt/placement-host.js';
import { place, type Placement } from '../../libvirt/placement.js';
import type { Deployer, Deployment } from '../context.js';
import { guestNetwork, managementAddress, userNameserver } from './address.js';
import { connect } from './connection.js';
import { domainOptions, filesOf, identify, type GuestDefinition, type GuestIdentity } from './domain.js';
import type { KvmGuestOptions } from './options.js';
import { guestReady, type ReadyGuest } from './ready.js';
import { giveBack, take, takePort } from './resources.js';
import { directCommandLine } from './restart.js';
import { guestSource } from './source.js';
import { verifyGuest } from './verify.js';
import { applyIdentity, findSaved, saveGuest, startSaved, stateKey, type SavedGuest } from './warm.js';

type Undo = () => Promise<unknown>;

const chooseAccelerator = async (host: Host, wanted: KvmGuestOptions['accelerator'], signal: AbortSignal): Promise<'kvm' | 'tcg'> => {
  if (wanted === 'tcg') return 'tcg';
  const { works, reason } = await probeKvm(host, { signal });
  if (works) return 'kvm';
  if (wanted === 'auto') return 'tcg';
  throw new Kvm4nfvError('environment', `${host.name} can't run guests with KVM: ${reason}`, { hint: "enable virtualisation and load kvm_intel or kvm_amd, or set 'accelerator: auto'" });
};

/** Pinned where the profile or the user asks for it; else the kernel of the host schedules the guest. */
const choosePlacement = (facts: HostFacts, options: KvmGuestOptions): Placement | undefined => {
  const { profile, cpus, emulator_cpus, node, vcpus } = options;
  if (profile === 'default' && cpus === undefined && node === undefined) return undefined;
  const { topology } = facts;
  return place(placementHostOf(facts), {
    vcpus,
    profile,
    ...(cpus === undefined ? {} : { pins: resolveCpus(cpus, topology) }),
    ...(emulator_cpus === undefined ? {} : { housekeeping: resolveCpus(emulator_cpus, topology) }),
    ...(node === undefined ? {} : { node }),
  });
};

const checkHugepages = ({ hugepages }: HostFacts, { hugepages: size, memory }: KvmGuestOptions, placement: Placement | undefined): void => {
  if (size === undefined) return;
  const nodes = placement?.nodes ?? [];
  const pools = hugepages.filter((pool) => pool.size === size && (nodes.length === 0 || pool.node === undefined || nodes.includes(pool.node)));
  const perNode = pools.filter(({ node }) => node !== undefined);
  const free = (perNode.length > 0 ? perNode : pools).reduce((sum, pool) => sum + (pool.free ?? 0), 0);
  const needed = Math.ceil(memory / size);
  if (free < needed)
    throw new Kvm4nfvError('environment', `${String(needed)} huge pages of ${String(size / 2 ** 20)} MiB are needed${nodes.length === 0 ? '' : ` on node ${nodes.join(', ')}`}, ${String(free)} are free`, {
      hint: 'reserve more (sysfs nr_hugepages, or hugepages= on the kernel command line), or take less memory',
    });
};

const leasesOf = (options: KvmGuestOptions, placement: Placement | undefined): string[] => [
  ...(options.profile === 'realtime' || options.cpus !== undefined ? (placement?.vcpus ?? []).flat().map((cpu) => `cpu-${String(cpu)}`) : []),
  ...(options.hugepages === undefined ? [] : [`hugepages-${String(options.hugepages)}${(placement?.nodes ?? []).map((node) => `-node${String(node)}`).join('')}`]),
];

/** A guest being made: each step leaves behind how it is undone. */
class Guest {
  readonly #options: KvmGuestOptions;
  readonly #on: Deployer;
  readonly #undo: { readonly what: string; readonly undo: Undo }[] = [];

  constructor(options: KvmGuestOptions, on: Deployer) {
    this.#options = options;
    this.#on = on;
  }

  async deploy(): Promise<Deployment> {
    try {
      return await this.#make();
    } catch (error) {
      const left = await this.#takeDown();
      if (left.length > 0) throw new Kvm4nfvError('teardown', `${messageOf(error)}; and then not everything could be removed: ${left.join('; ')}`, { cause: error });
      throw error;
    }
  }

  async #make(): Promise<Deployment> {
    const { host, facts, run, name, signal, progress } = this.#on;
    const options = this.#options;
    progress('looking for libvirt');
    const connection = await connect(host, facts, { run, uri: options.connection, implementation: options.hypervisor, signal });
    this.#later('libvirt connection', async () => connection[Symbol.asyncDispose]());
    const { hypervisor } = connection;
    const accelerator = await chooseAccelerator(host, options.accelerator, signal);
    const placement = choosePlacement(facts, options);
    checkHugepages(facts, options, placement);
    this.#later('leases', () => giveBack(host, run, name));
    await take(host, { run, context: name }, leasesOf(options, placement));
    const source = await guestSource(host, options, { signal, progress });
    const port = options.network === 'user' ? await takePort(host, { run, context: name }) : undefined;
    const definition: GuestDefinition = { options, source, accelerator, placement };
    const identity = identify(run, name, port);
    await this.#makeDirectory(identity);
    const keys = newGuestKeys(run, name);
    const { ready, warm } = await this.#start(hypervisor, definition, identity, keys);
    const { sut, bootId } = ready;
    this.#later('SSH connection', async () => sut[Symbol.asyncDispose]());
    const guestFacts = await readFacts(sut, { signal });
    await verifyGuest(host, hypervisor.uri, parseDomainSpec(domainOptions(definition, identity)), guestFacts, signal);
    const writeSeed = (): Promise<string> => this.#writeSeed(definition, identity, keys, identity.mac);
    const commandLine = directCommandLine({ sut, hypervisor, definition, identity, writeSeed, signal });
    return {
      sut,
      ...(commandLine === undefined ? {} : { commandLine }),
      traits: { emulated: accelerator === 'tcg', warm, accelerator, image: source.checksum.slice(0, 16), bootId, ...(placement === undefined ? {} : { vcpus: placement.vcpus.map((cpus) => cpus.join('/')).join(',') }) },
      diagnostics: () => this.#diagnostics(hypervisor, identity),
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
    // Searchable, not readable: libvirt may run QEMU as another user, who must get at the disk that was chowned to it.
    await host.exec(['sh', '-c', 'umask 066; mkdir -p -m 0711 -- "$1" "$2" && chmod 0711 "${1%/*}"', 'sh', parent, directory], { signal });
  }

  async #start(hypervisor: Hypervisor, definition: GuestDefinition, identity: GuestIdentity, keys: GuestKeys): Promise<{ ready: ReadyGuest; warm: boolean }> {
    const { host, facts, signal, progress } = this.#on;
    const canBeWarm = this.#options.warm && definition.source.restorable && this.#options.network === 'user';
    if (!canBeWarm) return { ready: await this.#cold(hypervisor, definition, identity, keys), warm: false };
    const versions = await hypervisor.versions({ signal });
    const key = stateKey(definition, { hypervisor: versions.hypervisor, cpu: facts.cpu });
    const saved = await findSaved(host, key, signal);
    if (saved !== undefined) return { ready: await this.#warm(hypervisor, definition, identity, keys, saved), warm: true };
    const first = await this.#cold(hypervisor, definition, identity, keys);
    await first.sut[Symbol.asyncDispose]();
    progress('saving its state for later runs');
    const made = await saveGuest(host, hypervisor, key, identity, signal);
    return { ready: await this.#warm(hypervisor, definition, identity, keys, made), warm: true };
  }

  async #cold(hypervisor: Hypervisor, definition: GuestDefinition, identity: GuestIdentity, keys: GuestKeys): Promise<ReadyGuest> {
    const { host, signal, progress } = this.#on;
    const { source } = definition;
    const files = filesOf(identity);
    await createOverlay(host, { disk: source.disk, format: source.format }, files.disk, { signal });
    await this.#writeSeed(definition, identity, keys, identity.mac);
    progress(`booting (${definition.accelerator})`);
    this.#later(`domain ${identity.name}`, () => this.#destroy(hypervisor, identity));
    await hypervisor.create(domainXml(domainOptions(definition, identity)), { signal });
    return this.#ready(hypervisor, definition, identity, keys);
  }

  async #warm(hypervisor: Hypervisor, definition: GuestDefinition, identity: GuestIdentity, keys: GuestKeys, saved: SavedGuest): Promise<ReadyGuest> {
    const { host, signal, progress } = this.#on;
    await createOverlay(host, { disk: `${saved.directory}/disk.qcow2`, format: 'qcow2' }, filesOf(identity).disk, { signal });
    const id = await this.#writeSeed(definition, identity, keys, saved.identity.mac);
    progress('starting from a saved state');
    this.#later(`domain ${identity.name}`, () => this.#destroy(hypervisor, identity));
    await startSaved(host, hypervisor, saved, identity, signal);
    await applyIdentity(host, identity, id, signal);
    return this.#ready(hypervisor, definition, identity, keys);
  }

  async #writeSeed({ source, options }: GuestDefinition, identity: GuestIdentity, keys: GuestKeys, mac: string): Promise<string> {
    const id = `${identity.run}:${String(Date.now())}`;
    const network = { ...guestNetwork(options, identity), mac };
    const hostname = identity.context.replaceAll(/[^A-Za-z0-9-]+/g, '-').replaceAll(/^-+|-+$/g, '').slice(0, 63);
    const nameservers = options.network === 'user' ? [userNameserver] : [];
    await source.writeSeed({ id, hostname: hostname === '' ? 'guest' : hostname, keys, networks: [network], nameservers }, filesOf(identity).seed);
    return id;
  }

  #ready(hypervisor: Hypervisor, { source, options }: GuestDefinition, identity: GuestIdentity, keys: GuestKeys): Promise<ReadyGuest> {
    const { host, name, signal, progress } = this.#on;
    return guestReady({
      name,
      on: host,
      keys,
      user: source.user,
      address: () => managementAddress(hypervisor, options, identity, signal),
      gone: async () => {
        const found = await hypervisor.lookup(identity.name, { signal });
        if (found === undefined) return 'its QEMU has ended';
        const { state } = await hypervisor.info(identity.name, { signal });
        return state === 'crashed' ? 'its kernel panicked' : undefined;
      },
      console: () => this.#console(identity),
      finished: source.finished,
      deadline: options.boot_timeout / 1e6,
      signal,
      progress,
    });
  }

  async #console(identity: GuestIdentity): Promise<string> {
    const { stdout } = await this.#on.host.exec(['tail', '-c', '65536', '--', filesOf(identity).console], { root: true, check: false });
    return stdout;
  }

  async #destroy(hypervisor: Hypervisor, { run, name }: GuestIdentity): Promise<void> {
    const ours = await hypervisor.ours(run);
    if (ours.some((domain) => domain.name === name)) await hypervisor.destroy(name);
  }

  async #diagnostics(hypervisor: Hypervisor, identity: GuestIdentity): Promise<{ name: string; text: string }[]> {
    const { name } = this.#on;
    const xml = await hypervisor.xml(identity.name).catch(() => undefined);
    return [{ name: `console-${name}.log`, text: await this.#console(identity) }, ...(xml === undefined ? [] : [{ name: `${name}.xml`, text: xml }])];
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
    const { run, name, directory } = this.#on;
    const text = await this.#console(identify(run, name, undefined)).catch(() => '');
    if (text === '') return;
    await mkdir(directory, { recursive: true });
    await writeFile(path.join(directory, `console-${name}.log`), text);
  }
}

/** Makes a guest as the options say, waits until it can be worked in, and checks that it is what was asked for. */
export const deployGuest = (options: KvmGuestOptions, on: Deployer): Promise<Deployment> => new Guest(options, on).deploy();
