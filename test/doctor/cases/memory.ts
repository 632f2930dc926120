import { expect } from 'chai';
import { intel, type Case } from './case.js';

export const memory: readonly Case[] = [
  // Memory and nodes.
  {
    it: 'takes nodes without CPUs for no clustering, and says to leave them',
    machine: 'xeon-cxl-memory-only-nodes',
    isolated: '2-3',
    says: [{ check: 'memory-only-nodes', severity: 'minor', what: /nodes 2-3/, mend: /--membind=0-1/ }],
    spares: ['numa-locality'],
    checklist: { 'Cluster-on-die / sub-NUMA clustering': 'ok' },
    also: ({ capabilities }) => {
      expect(capabilities.numaNodes).to.equal(2);
    },
  },
  {
    it: 'takes the nodes of an EPYC for what they are, and asks for nothing that only Intel has',
    machine: 'amd-epyc-nps4',
    isolated: '2-3',
    says: [{ check: 'c-states', severity: 'major', what: /CPUs 2-3 may go to C2, which takes 800 us/ }],
    spares: ['smi', 'tsc-deadline', 'numa-locality', 'iommu', 'memory-only-nodes'],
    checklist: { 'NUMA nodes per socket (NPS)': 'ok', 'Core Performance Boost': 'wrong' },
    also: ({ checklist }) => {
      const settings = checklist.map(({ setting }) => setting);
      expect(settings).not.to.include.members(['TXT', 'C1E autopromote', 'Cluster-on-die / sub-NUMA clustering']);
      expect(checklist.find(({ setting }) => setting.includes('NPS)'))?.seen).to.equal('8 nodes for 2 sockets (NPS4)');
    },
  },
  {
    it: 'counts as far between nodes as the machine says',
    machine: intel,
    isolated: '3-4',
    files: {
      '/sys/devices/system/node/node0/distance': '10 32\n',
      '/sys/devices/system/node/node1/distance': '32 10\n',
    },
    says: [{ check: 'numa-locality', severity: 'minor' }],
    also: ({ findings }) => {
      expect(findings.find(({ check }) => check === 'numa-locality')?.cost?.most).to.equal(220);
    },
  },
  { it: 'works with CPUs that are offline', machine: 'offline-cpus', isolated: '3-4', spares: ['siblings'] },
];
