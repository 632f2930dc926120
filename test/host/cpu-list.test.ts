import { expect } from 'chai';
import fc from 'fast-check';
import {
  cpuSelection,
  formatCpuList,
  formatCpuMask,
  intersectCpus,
  invertCpus,
  parseCpuList,
  parseCpuMask,
  resolveCpus,
} from '../../lib/host/cpu-list.js';
import { Kvm4nfvError } from '../../lib/error.js';

const cpuSets = fc.uniqueArray(fc.nat(500)).map((cpus) => cpus.sort((a, b) => a - b));
/** Two sockets, 88 threads; CPU 7 is offline. */
const topology = {
  online: invertCpus([7], parseCpuList('0-87')),
  nodes: [
    { id: 0, cpus: parseCpuList('0-6,8-21,44-65') },
    { id: 1, cpus: parseCpuList('22-43,66-87') },
  ],
};

describe('CPU lists', () => {
  it('come back from their text', () => {
    fc.assert(
      fc.property(cpuSets, (cpus) => {
        expect(parseCpuList(formatCpuList(cpus))).to.deep.equal(cpus);
      }),
    );
  });

  it('come back from their mask, with a comma after each 32 bits', () => {
    fc.assert(
      fc.property(cpuSets, (cpus) => {
        expect(parseCpuMask(formatCpuMask(cpus))).to.deep.equal(cpus);
      }),
    );
    expect(formatCpuMask([0, 33, 64])).to.equal('1,00000002,00000001');
    expect(formatCpuMask([31])).to.equal('80000000');
    expect(formatCpuMask([])).to.equal('0');
    expect(parseCpuMask('00000000,ffff0000\n')).to.deep.equal(parseCpuList('16-31'));
  });

  it('are written as short as can be', () => {
    expect(formatCpuList([8, 2, 3, 3, 4, 5])).to.equal('2-5,8');
    expect(formatCpuList([1, 2])).to.equal('1-2');
    expect(parseCpuList('22-43,66-87\n')).to.have.length(44);
    expect(parseCpuList('0-7:1/4,9')).to.deep.equal([0, 4, 9]);
    expect(parseCpuList('\n')).to.deep.equal([]);
  });

  it('are divided without loss between intersection and the rest', () => {
    fc.assert(
      fc.property(cpuSets, cpuSets, (a, b) => {
        const both = intersectCpus(a, b);
        const rest = invertCpus(b, a);
        expect(both.every((cpu) => b.includes(cpu))).to.equal(true);
        expect([...both, ...rest].sort((x, y) => x - y)).to.deep.equal(a);
      }),
    );
  });

  for (const text of ['x', '1-', '5-2', '1,,2', '-1', '0-99999999', '1 2', '0-3:3/2'])
    it(`are refused as '${text}'`, () => {
      expect(() => parseCpuList(text)).to.throw(Kvm4nfvError, `'${text}'`);
    });

  it('never crash the parsers with any other error', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        for (const parse of [parseCpuList, parseCpuMask])
          try {
            parse(text);
          } catch (error) {
            expect(Kvm4nfvError.is(error)).to.equal(true);
          }
      }),
    );
  });
});

describe('A CPU selection', () => {
  const resolve = (value: unknown): string => formatCpuList(resolveCpus(cpuSelection.parse(value), topology));

  it('is a number, a list, an open range, all, a NUMA node, or some of these', () => {
    expect(resolve(3)).to.equal('3');
    expect(resolve('2-5,9')).to.equal('2-5,9');
    expect(resolve('2-5, 9')).to.equal('2-5,9');
    expect(resolve('80-')).to.equal('80-87');
    expect(resolve('5-')).to.equal('5-6,8-87');
    expect(resolve('all')).to.equal('0-6,8-87');
    expect(resolve('node:1')).to.equal('22-43,66-87');
    expect(resolve('node:1,0')).to.equal('0,22-43,66-87');
    expect(resolve('22-43,66-87')).to.equal('22-43,66-87');
  });

  it('is parsed to the same when parsed again', () => {
    expect(cpuSelection.parse(cpuSelection.parse(' 2-5 ,8 '))).to.equal('2-5,8');
    expect(cpuSelection.parse('0-8191,8191-')).to.equal('0-8191,8191-');
  });

  for (const value of [
    '',
    '2-5-7',
    'node:',
    'node:x',
    '1;reboot',
    'ALL',
    '1-0',
    '0-8192',
    '0-18446744073709551615',
    '8192-',
    -1,
    1.5,
    8192,
    true,
    null,
    [1],
  ])
    it(`is refused with an example when it is ${JSON.stringify(value)}`, () => {
      const { error } = cpuSelection.safeParse(value);
      expect(error?.issues[0]?.message).to.include('such as 2-5,8');
    });

  it('names the online CPUs when it asks for others', () => {
    expect(() => resolve('6-8,90'))
      .to.throw(Kvm4nfvError, '7,90 not online; online are 0-6,8-87')
      .with.property('fault', 'environment');
    expect(() => resolve('node:2')).to.throw(
      Kvm4nfvError,
      'no NUMA node 2; online are 0-6,8-87 (node 0: 0-6,8-21,44-65; node 1:',
    );
    expect(() => resolve('100-')).to.throw(Kvm4nfvError, 'name no CPU of this host; online are 0-6,8-87');
    expect(() => resolveCpus('5-2', topology)).to.throw(Kvm4nfvError, "'5-2'");
  });
});
