import { createHash } from 'node:crypto';
import { Kvm4nfvError } from '../../error.js';
import type { Host } from '../../host/host.js';
import { giveBack, takenBy, tryTake } from '../kvm-guest/resources.js';
import { createVfs, raisePf } from './changes.js';
import { choose, type ChoiceContext, type PortPlan, type Refusal } from './choose.js';
import { takeInventory, type Inventory, type Pf, type Vf } from './inventory.js';
import type { PortWish, VfSettings } from './options.js';
import { leaseOf, pfLeaseOf, raisedLeaseOf, vfOwner, type Asker } from './owners.js';
import { groupRefusals, lineRefusals, portRefusals, vfioRefusals } from './preconditions.js';
import { carrierScript } from './scripts.js';
import { carryOut, openUnit, pfUnit, restoreUnit, type LabelledChange } from './store.js';

/** One VF, or one PF as a whole, that a context has. */
export interface Chosen {
  readonly device: Vf | Pf;
  readonly pf: Pf;
  readonly want: VfSettings;
  /** This run made it. */
  readonly fresh: boolean;
}

export interface Preparation {
  readonly inventory: Inventory;
  readonly chosen: readonly Chosen[];
}

export interface Preparing extends Asker {
  readonly wishes: readonly PortWish[];
  readonly vfio: boolean;
  readonly passthrough: boolean;
  readonly node: number | undefined;
  readonly signal: AbortSignal;
  readonly progress: (stage: string) => void;
  /** Called with each PF that the run must put back: whichever of its contexts goes last does it. */
  readonly touched: (pf: string) => void;
}

/** The `environment` error with every reason and what helps. */
export const refuse = (host: Host, refusals: readonly Refusal[]): Kvm4nfvError =>
  new Kvm4nfvError('E_VF', `${host.name}: ${refusals.map(({ message }) => message).join('; ')}`, {
    hint: [...new Set(refusals.map(({ hint }) => hint))].join(' '),
  });

const isOfRun = (lease: string | undefined, run: string): boolean => lease?.includes(`"run":"${run}"`) === true;

const working = new WeakMap<Host, Promise<unknown>>();

/** One context at a time of this process chooses and changes PFs of a host: two would make VFs on one PF. */
export const alone = async <T>(host: Host, work: () => Promise<T>): Promise<T> => {
  const before = working.get(host) ?? Promise.resolve();
  const mine = before.catch(() => undefined).then(work);
  working.set(
    host,
    mine.catch(() => undefined),
  );
  return mine;
};

/** Of a PF that a run brought up or made VFs on: held until its last context has gone. */
const pfOwner = (pf: string): string => `sriov-vf+${pf}`;

const takePf = async (host: Host, run: string, pf: string, leases: readonly string[]): Promise<void> => {
  for (const lease of leases) {
    const taking = await tryTake(host, { run, context: pfOwner(pf) }, [lease]);
    if (!taking.taken && taking.owner?.run !== run) throw await takenBy(host, taking);
  }
};

interface PfStep {
  /** Says what the run did to the PF, to its other contexts and to other runs. */
  readonly lease: string;
  readonly changes: readonly LabelledChange[];
}

/** What a PF needs before its VFs can be used. Pure. */
export const pfSteps = ({ pf, create }: Pick<PortPlan, 'pf' | 'create'>): PfStep[] => {
  const raised = raisePf(pf);
  return [
    ...(raised === undefined ? [] : [{ lease: raisedLeaseOf(pf.address), changes: [raised] }]),
    ...(create > 0 ? [{ lease: pfLeaseOf(pf.address), changes: createVfs(pf, create) }] : []),
  ];
};

const assertCarrier = async (host: Host, port: PortPlan, { signal }: Preparing): Promise<void> => {
  if (lineRefusals(port, port.pf.link?.carrier === true).length === 0) return;
  const argv = ['sh', '-c', carrierScript, 'kvm4nfv-device', port.pf.address, '100'];
  const { stdout } = await host.exec(argv, { signal, timeout: 60_000 });
  const refusals = lineRefusals(port, stdout.trim() === 'carrier');
  if (refusals.length > 0) throw refuse(host, refusals);
};

/** Brings a PF up and makes its VFs, where that is needed; journalled for the PF, since other contexts may build on it. */
const preparePf = async (host: Host, port: PortPlan, bootId: string, preparing: Preparing): Promise<void> => {
  const { run, signal, progress, touched } = preparing;
  const { address } = port.pf;
  const steps = pfSteps(port);
  if (steps.length > 0) {
    progress(port.create > 0 ? `making ${String(port.create)} VFs on ${address}` : `bringing ${address} up`);
    touched(address);
    const leases = steps.map(({ lease }) => lease);
    await takePf(host, run, address, leases);
    await openUnit(host, run, pfUnit(address));
    const changes = steps.flatMap((step) => step.changes);
    const { refused } = await carryOut(host, { run, unit: pfUnit(address), bootId }, changes, [], signal);
    if (refused.length > 0)
      throw refuse(
        host,
        refused.map(({ label, said }) => ({
          message: `${label}: ${said}`,
          hint: 'See the kernel log of the host (dmesg): the driver of the PF says there why it makes none.',
        })),
      );
  }
  await assertCarrier(host, port, preparing);
};

/** Puts a PF back when the last context of the run that has VFs of it has gone. */
export const releasePf = (host: Host, run: string, pf: string): Promise<void> =>
  alone(host, async () => {
    const { nics, leases } = await takeInventory(host);
    const vfs = nics.find(({ address }) => address === pf)?.vfs ?? [];
    if (vfs.some(({ address }) => isOfRun(leases.get(leaseOf(address)), run))) return;
    await restoreUnit(host, run, pfUnit(pf));
    await giveBack(host, run, pfOwner(pf));
  });

const zeroMac = '00:00:00:00:00:00';

/** Locally administered and unicast, the same for the same run, context and VF. */
export const deriveMac = ({ run, context }: Asker, { pf, index }: Pick<Vf, 'pf' | 'index'>): string => {
  const octets =
    createHash('sha256')
      .update([run, context, pf, String(index)].join('\0'))
      .digest('hex')
      .match(/../g) ?? [];
  return ['52', ...octets.slice(0, 5)].join(':');
};

const withMac = (asker: Asker, vf: Vf, want: VfSettings): VfSettings => {
  const known = want.mac ?? (vf.state?.mac === zeroMac ? undefined : vf.state?.mac);
  return { ...want, mac: known ?? deriveMac(asker, vf) };
};

const chooseNow = (host: Host, inventory: Inventory, preparing: Preparing): readonly PortPlan[] => {
  const { wishes, vfio, passthrough, node, run, context } = preparing;
  const asking: ChoiceContext = { inventory, asker: { run, context }, passthrough, node };
  const choice = choose(wishes, asking);
  const refusals = [
    ...(vfio ? vfioRefusals(inventory) : []),
    ...('refusals' in choice
      ? choice.refusals
      : choice.ports.flatMap((port) => portRefusals(inventory, port, { vfio, passthrough }))),
  ];
  if (refusals.length > 0 || 'refusals' in choice) throw refuse(host, refusals);
  return choice.ports;
};

type Choosing = Pick<Preparing, 'run' | 'context' | 'passthrough' | 'touched'>;

/** The devices of a choice as they are once their PFs are prepared. */
export const chosenOf = (
  host: Host,
  inventory: Inventory,
  ports: readonly PortPlan[],
  preparing: Choosing,
): Chosen[] => {
  const { run, context } = preparing;
  const pfs = new Map(inventory.nics.map((pf) => [pf.address, pf]));
  const found = ports.flatMap(({ pf: { address }, wish, create, use }): Chosen[] => {
    const pf = pfs.get(address);
    if (pf === undefined)
      throw refuse(host, [{ message: `${address} went away`, hint: 'See the kernel log of the host.' }]);
    if (preparing.passthrough) return [{ device: pf, pf, want: wish.vfs[0] ?? {}, fresh: false }];
    const vfs =
      create > 0
        ? pf.vfs.slice(0, wish.vfs.length)
        : pf.vfs.filter((vf) => use.some((one) => one.address === vf.address));
    const did = (lease: string): boolean => isOfRun(inventory.leases.get(lease), run);
    const fresh = did(pfLeaseOf(address));
    if (fresh || did(raisedLeaseOf(address))) preparing.touched(address);
    return vfs.map((device, at) => ({
      device,
      pf,
      want: withMac({ run, context }, device, wish.vfs[at] ?? {}),
      fresh,
    }));
  });
  const wanted = ports.reduce((sum, { wish }) => sum + (preparing.passthrough ? 1 : wish.vfs.length), 0);
  if (found.length < wanted)
    throw refuse(host, [
      {
        message: `${String(wanted)} devices were to be there, and ${String(found.length)} are`,
        hint: 'See the kernel log of the host.',
      },
    ]);
  return found;
};

/** Chooses devices, makes VFs where there are none, and leases what was chosen. Nothing of the devices themselves is changed. */
export const prepare = (host: Host, preparing: Preparing): Promise<Preparation> =>
  alone(host, async () => {
    const { run, context, signal, vfio, passthrough } = preparing;
    const first = await takeInventory(host, signal);
    const ports = chooseNow(host, first, preparing);
    if (!passthrough) for (const port of ports) await preparePf(host, port, first.bootId, preparing);
    const unchanged = passthrough || ports.every(({ create, pf }) => create === 0 && pf.link?.up === true);
    const inventory = unchanged ? first : await takeInventory(host, signal);
    const chosen = chosenOf(host, inventory, ports, preparing);
    // Groups of VFs that were just made could not be seen before.
    const refusals = vfio ? chosen.flatMap(({ device }) => groupRefusals(inventory, device)) : [];
    if (refusals.length > 0) throw refuse(host, refusals);
    const taking = await tryTake(
      host,
      { run, context: vfOwner(context) },
      chosen.map(({ device }) => leaseOf(device.address)),
    );
    if (!taking.taken) throw await takenBy(host, taking);
    return { inventory, chosen };
  });
