import { expect } from 'chai';
import { prepareVf } from '../../../lib/contexts/sriov-vf/changes.js';
import { choose } from '../../../lib/contexts/sriov-vf/choose.js';
import type { Inventory, Pf } from '../../../lib/contexts/sriov-vf/inventory.js';
import { portsOf, sriovVfOptions } from '../../../lib/contexts/sriov-vf/options.js';
import { pfLeaseOf, raisedLeaseOf } from '../../../lib/contexts/sriov-vf/owners.js';
import { chosenOf, pfSteps } from '../../../lib/contexts/sriov-vf/prepare.js';
import { leaseDirectory } from '../../../lib/contexts/kvm-guest/resources.js';
import { localHost } from '../../../lib/host/local.js';
import { inUse, type Recorded } from './snapshot.js';

const asker = { run: 'run-1', context: 'vf' };
const busy = '0000:41:00.0';
const empty = '0000:42:00.0';
const pfOf = ({ nics }: Inventory, wanted: string): Pf => {
  const pf = nics.find(({ address }) => address === wanted);
  if (pf === undefined) throw new Error(`no ${wanted} in the recording`);
  return pf;
};
const down = (pf: Pf): Pf => ({ ...pf, link: pf.link && { ...pf.link, up: false } });

describe('what a run does to a port', () => {
  it('is told by its leases: one for bringing it up, another for making its VFs', () => {
    const leases = (pf: Pf, create: number) => pfSteps({ pf, create }).map(({ lease }) => lease);
    const inventory = inUse();
    expect(leases(pfOf(inventory, busy), 0)).to.deep.equal([]);
    expect(leases(down(pfOf(inventory, busy)), 0)).to.deep.equal([raisedLeaseOf(busy)]);
    expect(leases(pfOf(inventory, empty), 2)).to.deep.equal([raisedLeaseOf(empty), pfLeaseOf(empty)]);
  });

  it('makes VFs its own, to do with as it likes, only where it made them', () => {
    const chosen = (lease: string) => {
      const inventory = inUse((host: Recorded) => {
        host.files[`${leaseDirectory}/${lease}`] = JSON.stringify({
          run: 'run-1',
          context: 'sriov-vf+x',
          controller: {},
        });
      });
      const choice = choose(portsOf(sriovVfOptions.parse({ pf: 'ens101' })), {
        inventory,
        asker,
        passthrough: false,
        node: undefined,
      });
      if (!('ports' in choice)) throw new Error('nothing was chosen');
      const touched: string[] = [];
      const [one] = chosenOf(localHost(), inventory, choice.ports, {
        ...asker,
        passthrough: false,
        touched: (pf) => void touched.push(pf),
      });
      if (one === undefined || !('index' in one.device)) throw new Error('no VF was chosen');
      const { device, fresh } = one;
      const unset = { ...device, state: device.state && { ...device.state, mac: '00:00:00:00:00:00' } };
      const mac = prepareVf(unset, { mac: '52:54:00:00:00:01' }, 'kernel', fresh).find(({ label }) =>
        label.startsWith('mac'),
      );
      return { fresh, touched, journalled: mac?.change !== undefined };
    };
    expect(chosen(raisedLeaseOf(busy))).to.deep.equal({ fresh: false, touched: [busy], journalled: true });
    expect(chosen(pfLeaseOf(busy))).to.deep.equal({ fresh: true, touched: [busy], journalled: false });
  });

  it('turns the automatic drivers of new VFs off in the journal first, and on again at the end', () => {
    const steps = (autoprobe: string | undefined) =>
      pfSteps({ pf: { ...pfOf(inUse(), empty), link: undefined, autoprobe }, create: 2 })
        .flatMap(({ changes }) => changes)
        .map(({ change, action }) => [
          change === undefined || !('after' in change) ? '-' : `${String(change.before)} -> ${String(change.after)}`,
          action?.kind === 'write' ? `${action.path.split('/').at(-1) ?? ''}=${action.text.trim()}` : action?.kind,
        ]);
    const name = 'sriov_drivers_autoprobe';
    expect(steps('1')).to.deep.equal([
      ['1 -> 0', `${name}=0`],
      ['0 -> 2', 'run'],
      ['-', `${name}=1`],
    ]);
    for (const other of ['0', undefined]) expect(steps(other)).to.deep.equal([['0 -> 2', 'run']]);
  });

  it('is looked for where the kernel tells whether drivers take VFs by themselves', () => {
    const inventory = inUse((host) => {
      host.files[`/sys/bus/pci/devices/${empty}/sriov_drivers_autoprobe`] = '1\n';
    });
    expect(pfOf(inventory, empty).autoprobe).to.equal('1');
  });
});
