import { expect } from 'chai';
import { driftOf } from '../../lib/tuning/engine.js';
import { judgeKnob, type ItemResult, type KnobResult, type KnobState } from '../../lib/tuning/judge.js';

const knob = (...items: readonly (readonly [label: string, state: KnobState])[]): KnobResult =>
  judgeKnob(
    'irq-affinity',
    items.map(([label, state]): ItemResult => ({ label, requested: '0-1', effective: '0-3', state })),
  );
const drifted = (before: KnobResult, after: KnobResult): boolean => driftOf([before], [after]).length > 0;

describe('a knob has drifted', () => {
  it('where what was in effect is not any more, or would need a reboot again', () => {
    expect(drifted(knob(['irq 1', 'ok']), knob(['irq 1', 'differs']))).to.equal(true);
    expect(drifted(knob(['isolcpus', 'ok']), knob(['isolcpus', 'needs-reboot']))).to.equal(true);
    expect(drifted(knob(['irq 1', 'ok']), knob(['irq 1', 'ok']))).to.equal(false);
  });

  it('not where it never was in effect', () => {
    expect(drifted(knob(['irq 1', 'differs']), knob(['irq 1', 'differs']))).to.equal(false);
  });

  it('not where a device came since, such as that of a guest', () => {
    expect(drifted(knob(['irq 1', 'ok']), knob(['irq 1', 'ok'], ['vfio-msix[0]', 'differs']))).to.equal(false);
    expect(drifted(knob(), knob(['vfio-msix[0]', 'differs']))).to.equal(false);
    expect(drifted(knob(['irq 1', 'ok']), knob(['irq 1', 'differs'], ['vfio-msix[0]', 'differs']))).to.equal(true);
  });
});
