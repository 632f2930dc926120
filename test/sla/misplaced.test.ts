import { expect } from 'chai';
import { parseSla } from '../../lib/sla/sla.js';

describe('kind L: what stands in the wrong place in an SLA', () => {
  for (const [text, hint] of [
    ['latency{cpu=3}.max <= 20us', 'such as latency.max{cpu=3}'],
    ['max < = 20us', "did you mean '<='?"],
    ['over(20us) <= 1k', 'write it out: 1000'],
    ['max <= 1.5M', 'write it out: 1500000'],
  ] as const)
    it(`is told: '${text}'`, () => {
      expect(parseSla(text)).to.include({ ok: false, hint });
    });
});
