import { expect } from 'chai';
import { kernelParameters } from '../../lib/lab/kernel-parameters.js';
import { qemuArguments, type MachineParts } from '../../lib/lab/machine.js';
import { virtualHostSchema, type VirtualHostInput } from '../../lib/lab/options.js';
import { portMac } from '../../lib/lab/ports.js';
import { machineDigest } from '../../lib/lab/saved.js';

const parts: MachineParts = {
  name: 'dut',
  directory: '/d',
  kernel: '/k',
  initrd: '/i',
  cmdline: 'console=ttyS0 quiet',
  disk: { path: '/o', format: 'qcow2' },
  data: '/r',
  sshPort: 20_001,
  wire: { port: 20_002, peerPort: 20_003 },
  macs: 'seed',
};

const argumentsOf = (input: VirtualHostInput, more: Partial<MachineParts> = {}): readonly string[] =>
  qemuArguments(virtualHostSchema.parse(input), { ...parts, ...more });

/** The values that follow an option of QEMU. */
const valuesOf = (argv: readonly string[], option: string): readonly string[] =>
  argv.flatMap((word, at) => (word === option ? [argv[at + 1] ?? ''] : []));
const devices = (input: VirtualHostInput, driver: string): readonly string[] =>
  valuesOf(argumentsOf(input), '-device').filter((value) => value.startsWith(`${driver},`));

const complaints = (input: unknown): readonly string[] => {
  const { error } = virtualHostSchema.safeParse(input);
  return (error?.issues ?? []).map((issue) => `${issue.path.join('.')}: ${issue.message}`);
};

describe('The machine of a virtual host', () => {
  it('shares CPUs and memory out to its nodes, threads of a core side by side', () => {
    const argv = argumentsOf({ vcpus: 8, nodes: 2, threads: 2, memory: '6GiB' });
    expect(valuesOf(argv, '-smp')).to.deep.equal(['8,sockets=2,cores=2,threads=2']);
    expect(valuesOf(argv, '-numa').filter((value) => value.startsWith('node'))).to.deep.equal([
      'node,nodeid=0,cpus=0-3,memdev=memory0',
      'node,nodeid=1,cpus=4-7,memdev=memory1',
    ]);
    expect(valuesOf(argv, '-object')[1]).to.equal('memory-backend-ram,id=memory1,size=3072M');
    expect(valuesOf(argv, '-numa')).to.include('dist,src=1,dst=0,val=21');
  });

  it('puts its ports behind root ports on a bus of the last node', () => {
    expect(devices({ nodes: 2 }, 'pxb-pcie')).to.have.length(1);
    expect(devices({ nodes: 2 }, 'pxb-pcie')[0]).to.include('numa_node=1');
    expect(devices({ ports: 3 }, 'pcie-root-port').every((value) => value.includes('bus=expander'))).to.be.true;
    expect(devices({ ports: 3 }, 'igb').map((value) => value.split(',')[2])).to.deep.equal([
      'bus=root0',
      'bus=root1',
      'bus=root2',
    ]);
  });

  it('does without that bus where there is one node, and without any where there is no port', () => {
    expect(devices({ nodes: 1, vcpus: 2 }, 'pxb-pcie')).to.be.empty;
    expect(devices({ nodes: 1, vcpus: 2 }, 'pcie-root-port')).to.have.length(2);
    expect(argumentsOf({ ports: 0 }).some((word) => /igb|pxb|hubport|dgram/.test(word))).to.be.false;
  });

  it('gives AMD-Vi its ports on the root bus, each with room for its VFs', () => {
    expect(devices({ iommu: 'amd' }, 'pcie-root-port')).to.be.empty;
    expect(devices({ iommu: 'amd' }, 'igb').map((value) => value.split(',').slice(2, 4).join(' '))).to.deep.equal([
      'bus=pcie.0 addr=0x8',
      'bus=pcie.0 addr=0xa',
    ]);
  });

  it('ties its wire to loopback and forwards SSH there only', () => {
    const netdevs = valuesOf(argumentsOf({}), '-netdev');
    expect(netdevs).to.include(
      'dgram,id=wire,local.type=inet,local.host=127.0.0.1,local.port=20002,remote.type=inet,remote.host=127.0.0.1,remote.port=20003',
    );
    expect(netdevs).to.include('user,id=mgmt,hostfwd=tcp:127.0.0.1:20001-:22');
  });

  it('can be without SR-IOV, IOMMU and KVM', () => {
    const input: VirtualHostInput = { nic: 'e1000e', iommu: 'none', kvm: false };
    expect(devices(input, 'e1000e')).to.have.length(2);
    expect(argumentsOf(input).some((word) => word.includes('iommu,'))).to.be.false;
    expect(valuesOf(argumentsOf(input), '-cpu')).to.deep.equal(['EPYC-Milan,-svm']);
    const words = kernelParameters(virtualHostSchema.parse(input), '');
    expect(words).to.include('modprobe.blacklist=kvm_amd,kvm');
    expect(words.some((word) => word.startsWith('intel_iommu'))).to.be.false;
  });

  it('keeps the driver of its P-states out, since it hangs guests under KVM', () => {
    expect(kernelParameters(virtualHostSchema.parse({ pstates: true }), '')).to.include(
      'modprobe.blacklist=acpi_cpufreq',
    );
    expect(argumentsOf({ pstates: true }, { acpiTable: '/t.aml' })).to.include('file=/t.aml');
  });

  it('puts the kernel parameters of the user last', () => {
    const words = kernelParameters(
      virtualHostSchema.parse({ cmdline: ['isolcpus=2-3', 'quiet'] }),
      'console=ttyS0  quiet',
    );
    expect(words.slice(0, 2)).to.deep.equal(['console=ttyS0', 'quiet']);
    expect(words.slice(-2)).to.deep.equal(['isolcpus=2-3', 'quiet']);
  });

  it('is the same machine, from the same saved state, whatever VFs it is given later', () => {
    const [none, some] = [0, 3].map((vfs) => machineDigest(virtualHostSchema.parse({ vfs })));
    expect(none).to.equal(some);
    expect(none).not.to.equal(machineDigest(virtualHostSchema.parse({ ports: 1 })));
  });

  it('has unicast, local MACs that depend on seed and port', () => {
    const macs = ['a', 'b'].flatMap((seed) => [0, 1, 2, 3].map((index) => portMac(seed, index)));
    expect(new Set(macs).size).to.equal(8);
    for (const mac of macs) expect(mac).to.match(/^52(:[0-9a-f]{2}){5}$/);
    expect(portMac('a', 0)).to.equal(portMac('a', 0));
  });

  it('refuses what can not be, and says why', () => {
    expect(complaints({ vcpus: 6 })[0]).to.match(/^vcpus: 6 CPUs can't be shared out to 2 nodes/);
    expect(complaints({ memory: '2GiB', hugepages: { '1G': 2 } })[0]).to.match(/^hugepages: /);
    expect(complaints({ memory: '1GB' })[0]).to.match(/mebibytes/);
    expect(complaints({ nic: 'e1000e', vfs: 1 })[0]).to.match(/^vfs: the NIC e1000e has no SR-IOV/);
    expect(complaints({ vfs: 8 })[0]).to.match(/^vfs: /);
    expect(complaints({ iommu: 'amd', ports: 4 })[0]).to.match(/^ports: /);
    expect(complaints({ dmi: { product: 'a,b=c' } })[0]).to.match(/^dmi.product: /);
    expect(complaints({ cmdline: ['two words'] })[0]).to.match(/blanks/);
    expect(complaints({ port: 2 })[0]).to.match(/port/);
  });
});
