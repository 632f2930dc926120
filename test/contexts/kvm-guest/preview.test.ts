import { expect } from 'chai';
import { kvmGuest } from '../../../lib/contexts/kvm-guest/index.js';

const preview = (options: object): string => kvmGuest.preview(kvmGuest.options.parse(options)).join('\n');

describe('The plan of a guest', () => {
  it('says how its CPUs are chosen, where they are', () => {
    expect(preview({ vcpus: 2 })).not.to.match(/pin (?:each|vCPUs)|share the/);
    expect(preview({ vcpus: 2, profile: 'realtime', memory: '2GiB', hugepages: '1GiB' })).to.contain(
      'pin each vCPU to a whole core: 2 of one kind (P before E), isolated ones where there are any, on the smallest NUMA node that has them and 2 free huge pages of 1024 MiB',
    );
    expect(preview({ vcpus: 2, cpus: '8,2' })).to.contain('pin vCPUs in this order to the CPUs 8,2');
    expect(preview({ vcpus: 2, node: 1 })).to.contain('let vCPUs share the free CPUs of NUMA node 1');
  });
});
