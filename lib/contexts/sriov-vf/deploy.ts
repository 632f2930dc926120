import { createHash } from 'node:crypto';
import { Kvm4nfvError, messageOf } from '../../error.js';
import type { Host } from '../../host/host.js';
import type { Deployer, Deployment, Traits } from '../context.js';
import { deployGuest } from '../kvm-guest/deploy.js';
import type { KvmGuestOptions } from '../kvm-guest/options.js';
import { giveBack } from '../kvm-guest/resources.js';
import { bind, makeNamespace, moveInto, prepareVf, raise, release, setVf } from './changes.js';
import { nameOf } from './choose.js';
import { guestDevices, raiseInGuest } from './guest.js';
import { takeInventory, type Inventory } from './inventory.js';
import { besideNic, givenNode, localityOf } from './locality.js';
import { driverOf, portsOf, type SriovVfOptions } from './options.js';
import { vfOwner } from './owners.js';
import { prepare, refuse, releasePf, type Chosen, type Preparation } from './prepare.js';
import { carryOut, contextUnit, openUnit, restoreUnit, type LabelledChange } from './store.js';
import { readVectors } from './vectors.js';
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

interface Step {
  readonly what: string;
  readonly undo: () => Promise<unknown>;
}

/** VFs being given to a guest or to the host: each step leaves behind how it is undone. */
class Attachment {
  readonly #options: SriovVfOptions;
  readonly #on: Deployer;
  readonly #undo: Step[] = [];

  constructor(options: SriovVfOptions, on: Deployer) {
    this.#options = options;
    this.#on = on;
  }

  async deploy(): Promise<Deployment> {
    try {
      return await this.#make();
    } catch (error) {
      const left = await this.#takeDown();
      if (left.length === 0) throw error;
      throw new Kvm4nfvError(
        'teardown',
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
    this.#later('devices', () => restoreUnit(host, run, contextUnit(name)));
    await this.#carryOut(preparation, changesOf(options, chosen, namespace));
    await this.#verify(chosen);
    if (options.guest !== undefined) return this.#inGuest(options.guest, preparation);
    const place = options.in === 'namespace' ? { namespace } : {};
    return this.#deployment(host, chosen, { ...this.#traits(chosen, undefined), ...place });
  }

  async #prepare(): Promise<Preparation> {
    const { host, facts, run, name, signal, progress } = this.#on;
    const options = this.#options;
    const pfs = new Set<string>();
    this.#later('PFs', () => this.#releasePfs(pfs));
    this.#later('leases', () => giveBack(host, run, vfOwner(name)));
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

  async #inGuest(options: KvmGuestOptions, { inventory, chosen }: Preparation): Promise<Deployment> {
    const { facts, signal, progress } = this.#on;
    const placed = besideNic(facts, options, chosen);
    const guest = await deployGuest(placed, this.#on, guestDevices(chosen, this.#options));
    this.#later('guest', async () => guest[Symbol.asyncDispose]());
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
    progress('bringing up its interfaces and reading back');
    const interfaces = await raiseInGuest(guest.sut, chosen, signal);
    await this.#verify(chosen);
    const traits = { ...guest.traits, ...this.#traits(chosen, placed), interfaces: interfaces.join(',') };
    return { ...guest, ...this.#deployment(guest.sut, chosen, traits, guest) };
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

  #deployment(sut: Host, chosen: readonly Chosen[], traits: Traits, guest?: Deployment): Deployment {
    const { host, name } = this.#on;
    const addresses = chosen.map(({ device }) => device.address);
    return {
      sut,
      traits,
      diagnostics: async () => {
        const vectors = await readVectors(host, addresses).catch(() => []);
        return [
          ...((await guest?.diagnostics?.()) ?? []),
          { name: `vectors-${name}.json`, text: `${JSON.stringify(vectors, null, 2)}\n` },
        ];
      },
      [Symbol.asyncDispose]: async () => {
        const left = await this.#takeDown();
        if (left.length > 0)
          throw new Kvm4nfvError('teardown', `context ${name}: ${left.join('; ')}`, {
            hint: `kvm4nfv cleanup --run ${this.#on.run}`,
          });
      },
    };
  }

  #later(what: string, undo: Step['undo']): void {
    this.#undo.push({ what, undo });
  }

  async #takeDown(): Promise<string[]> {
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
}

/** Gives VFs, or a whole PF, to a guest or to the host as the options say. */
export const deploySriovVf = (options: SriovVfOptions, on: Deployer): Promise<Deployment> =>
  new Attachment(options, on).deploy();
