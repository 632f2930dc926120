import { expect } from 'chai';
import { parseSla } from '../../../lib/sla/sla.js';
import { whyNot } from '../../sla/why-not.js';
import { timer } from '../../../scenarios/timer/index.js';

const check = (options: object, text: string): string | undefined => {
  const parsed = parseSla(text);
  if (!parsed.ok) throw new Error(parsed.message);
  return whyNot(parsed.sla, timer.metrics(timer.options.parse(options)));
};

describe('labels of the timer scenario', () => {
  for (const tool of ['cyclictest', 'oslat', 'timerlat'] as const)
    it(`of ${tool} are the CPUs that are asked for`, () => {
      expect(check({ tool, cpus: '2-3,8' }, 'max{cpu=2-3} <= 20us')).to.equal(undefined);
      expect(check({ tool, cpus: '2-3,8' }, 'max{cpu=8} <= 20us')).to.equal(undefined);
      expect(check({ tool, cpus: '2-3,8' }, 'max{cpu=4} <= 20us')).to.contain('not measured with cpu=4');
      expect(check({ tool, cpus: '2-3,8' }, 'max{cpus=2} <= 20us')).to.contain('did you mean');
    });

  it('are unknown where the CPUs depend on the machine', () => {
    expect(check({ cpus: 'all' }, 'max{cpu=77} <= 20us')).to.equal(undefined);
  });

  it('have threads where the tool has', () => {
    expect(check({ cpus: '2' }, 'max{thread=0} <= 20us')).to.equal(undefined);
    expect(check({ tool: 'timerlat', cpus: '2' }, 'irq.max{cpu=2} <= 20us')).to.equal(undefined);
    expect(check({ tool: 'timerlat', cpus: '2' }, 'max{thread=0} <= 20us')).to.contain('it has cpu');
  });
});
