import { createHash } from 'node:crypto';
import { Kvm4nfvError, messageOf } from '../../error.js';
import type { Host } from '../../host/host.js';
import { printableJson } from '../../printable.js';
import { Teardown } from '../../teardown.js';
import type { Deployer, Deployment, Traits } from '../context.js';
import { deployGuest } from '../kvm-guest/deploy.js';
import { keepFile } from '../kvm-guest/keep.js';
import type { KvmGuestOptions } from '../kvm-guest/fields.js';
import { giveBack } from '../kvm-guest/resources.js';
import { bind, makeNamespace, moveInto, prepareVf, raise, release, setVf } from './changes.js';
import { nameOf } from './choose.js';
import { guestDevices, raiseInGuest } from './guest.js';
import { takeInventory, type Inventory } from './inventory.js';
import { besideNic, givenNode, localityOf } from './locality.js';
import { driverOf, portsOf, type SriovVfOptions } from './options.js';
import { vfOwner } from './owners.js';
import { pingThrough, type PingPlace } from './ping.js';
import { prepare, refuse, releasePf, type Chosen, type Preparation } from './prepare.js';
import { againAfterReboot, noReboot } from './reboots.js';
import { carryOut, contextUnit, openUnit, restoreUnit, type LabelledChange } from './store.js';
import { readVectors, summaryOf } from './vectors.js';
import { ineffective } from './verify.js';

/** Names the network namespace of a context. */
export const namespaceOf = (run: string, context: string): string =>
  `kvm4nfv-${createHash('sha256').update(`${run}\0${context}`).digest('hex').slice(0, 12)}`;

/** All that is changed of the chosen devices themselves, in order. Pure. */
export const changesOf = (options: SriovVfOptions, chosen: readonly Chosen[], namespace: string): LabelledChange[] => {
  const driver = driverOf(options);
  const own = chosen.flatMap(({ device, want, fresh }) =>
    'index' in device
      ? prepareVf(device, want, driver, fresh)
      : driver === 'vfio-pci'
        ? [...release(device), ...bind(device, driver)]
        : [],
  );
  if (options.guest !== undefined || driver === 'vfio-pci') return own;
  if (options.in !== 'namespace') return [...own, ...chosen.flatMap(({ device, want }) => raise(device, want.address))];
  return [
    ...own,
    makeNamespace(namespace),
    ...chosen.map(({ device, want }) => moveInto(device, namespace, want.address)),
  ];
};

/** VFs being given to a guest or to the host: each step leaves behind how it is undone. */
class Attachment {
  readonly #options: SriovVfOptions;
  readonly #on: Deployer;
  readonly #teardown = new Teardown();

  constructor(options: SriovVfOptions, on: Deployer) {
    this.#options = options;
    this.#on = on;
  }

  async deploy(): Promise<Deployment> {
    try {
      return await this.#make();
    } catch (error) {
      const left = await this.#teardown.run();
      if (left.length === 0) throw error;
      throw new Kvm4nfvError(
        'E_VF_END',
        `${messageOf(error)}; and then not everything could be put back: ${left.join('; ')}`,
        {
          cause: error,
          hint: `kvm4nfv cleanup --run ${this.#on.run}`,
        },
      );
    }
  }

  async #make(): Promise<Deployment> {
    const { host, run, name, progress } = this.#on;
    const options = this.#options;
    progress('looking at NICs, IOMMU and who uses what');
    const preparation = await this.#prepare();
    const { chosen } = preparation;
    const namespace = namespaceOf(run, name);
    progress(`setting up ${chosen.map(({ device }) => device.address).join(', ')}`);
    await openUnit(host, run, contextUnit(name));
    this.#teardown.defer('devices', () => restoreUnit(host, run, contextUnit(name)));
    await this.#carryOut(preparation, changesOf(options, chosen, namespace));
    await this.#verify(chosen);
    if (options.guest !== undefined) return this.#inGuest(options.guest, preparation);
    const place = options.in === 'namespace' ? { namespace } : {};
    const found = await this.#look({ host, ...place }, chosen);
    const commandLine = noReboot(name, 'a reboot of the host takes VFs away: tune the context beneath it');
    return { ...this.#deployment(host, { ...this.#traits(chosen, undefined), ...place, ...found }), commandLine };
  }

  async #prepare(): Promise<Preparation> {
    const { host, facts, run, name, signal, progress } = this.#on;
    const options = this.#options;
    const pfs = new Set<string>();
    this.#teardown.defer('PFs', () => this.#releasePfs(pfs));
    this.#teardown.defer('leases', () => giveBack(host, run, vfOwner(name)));
    return prepare(host, {
      run,
      context: name,
      wishes: portsOf(options),
      vfio: driverOf(options) === 'vfio-pci',
      passthrough: options.passthrough !== undefined,
      node: givenNode(facts, options.guest),
      signal,
      progress,
      touched: (pf) => void pfs.add(pf),
    });
  }

  async #releasePfs(pfs: ReadonlySet<string>): Promise<void> {
    const { host, run } = this.#on;
    for (const pf of pfs) await releasePf(host, run, pf);
  }

  async #carryOut({ inventory }: Preparation, changes: readonly LabelledChange[]): Promise<void> {
    const { host, run, name, signal } = this.#on;
    const unit = { run, unit: contextUnit(name), bootId: inventory.bootId };
    const { refused } = await carryOut(host, unit, changes, [], signal);
    if (refused.length > 0)
      throw refuse(
        host,
        refused.map(({ label, said }) => ({
          message: `${label}: ${said}`,
          hint: 'Leave out what the driver of the PF does not do.',
        })),
      );
  }

  async #verify(chosen: readonly Chosen[]): Promise<Inventory> {
    const { host, signal } = this.#on;
    const now = await takeInventory(host, signal);
    const wrong = ineffective(now, chosen, driverOf(this.#options));
    if (wrong.length > 0) throw refuse(host, wrong);
    return now;
  }

  async #inGuest(options: KvmGuestOptions, preparation: Preparation): Promise<Deployment> {
    const { facts, name, progress } = this.#on;
    const { chosen } = preparation;
    const placed = besideNic(facts, options, chosen);
    const guest = await deployGuest(placed, this.#on, guestDevices(chosen, this.#options));
    this.#teardown.defer('guest', async () => guest[Symbol.asyncDispose]());
    const traits = {};
    const bringUp = async (): Promise<void> => {
      const interfaces = await this.#raise(guest.sut, preparation);
      const found = await this.#look({ host: guest.sut }, chosen);
      Object.assign(traits, guest.traits, this.#traits(chosen, placed), { interfaces: interfaces.join(',') }, found);
    };
    progress('bringing up its interfaces and reading back');
    await bringUp();
    const commandLine = againAfterReboot(name, guest, bringUp);
    return { ...guest, ...this.#deployment(guest.sut, traits), commandLine };
  }

  /** Gives the devices of a guest that has just booted what neither libvirt nor the guest itself gives them. */
  async #raise(sut: Host, { inventory, chosen }: Preparation): Promise<string[]> {
    // libvirt sets a VLAN without its priority.
    const again = chosen.flatMap(({ device, want, fresh }) =>
      'index' in device && device.state !== undefined && (want.qos ?? 0) > 0 && want.vlan !== undefined
        ? setVf(
            { ...device, state: { ...device.state, vlan: want.vlan, qos: 0 } },
            { vlan: want.vlan, qos: want.qos },
            fresh,
          ).map(({ label, action }) => ({ label, ...(action === undefined ? {} : { action }) }))
        : [],
    );
    if (again.length > 0) await this.#carryOut({ inventory, chosen }, again);
    const interfaces = await raiseInGuest(sut, chosen, this.#on.signal);
    await this.#verify(chosen);
    return interfaces;
  }

  /** Pings whom it was told to, and lists the interrupts of the devices in the directory of the run. */
  async #look(place: PingPlace, chosen: readonly Chosen[]): Promise<Traits> {
    const { host, directory, signal } = this.#on;
    const answers = await pingThrough(place, chosen, signal);
    const addresses = chosen.map(({ device }) => device.address);
    const vectors = await readVectors(host, addresses, signal);
    await keepFile(directory, 'vectors.json', `${printableJson(JSON.stringify(vectors, null, 2))}\n`);
    return { vectors: summaryOf(vectors), ...(answers.length === 0 ? {} : { ping: answers.join(', ') }) };
  }

  #traits(chosen: readonly Chosen[], guest: KvmGuestOptions | undefined): Traits {
    const { devices, user, local } = localityOf(this.#on.facts, chosen, guest);
    const driver = driverOf(this.#options);
    return {
      devices: chosen
        .map(({ device, pf }) =>
          'index' in device ? `${device.address} (VF ${String(device.index)} of ${nameOf(pf)})` : nameOf(pf),
        )
        .join(', '),
      driver:
        driver === 'kernel' ? [...new Set(chosen.map(({ device }) => device.driver ?? driver))].join(',') : driver,
      ...(this.#options.guest === undefined
        ? {}
        : { attach: this.#options.passthrough === undefined ? this.#options.attach : 'hostdev' }),
      deviceNode: devices,
      userNode: user,
      ...(local === undefined ? {} : { numaLocal: local }),
    };
  }

  #deployment(sut: Host, traits: Traits): Deployment {
    const { name } = this.#on;
    return {
      sut,
      traits,
      [Symbol.asyncDispose]: async () => {
        const left = await this.#teardown.run();
        if (left.length > 0)
          throw new Kvm4nfvError('E_VF_END', `context ${name}: ${left.join('; ')}`, {
            hint: `kvm4nfv cleanup --run ${this.#on.run}`,
          });
      },
    };
  }
}

/** Gives VFs, or a whole PF, to a guest or to the host as the options say. */
export const deploySriovVf = (options: SriovVfOptions, on: Deployer): Promise<Deployment> =>
  new Attachment(options, on).deploy();
