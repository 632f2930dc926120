import { expect } from 'chai';
import fc from 'fast-check';
import { nearest } from '../../lib/sla/nearest.js';
import { verdicts, worst } from '../../lib/sla/verdict.js';

const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 3, maxLength: 9 });

describe('the word that was meant', () => {
  it('is at most a third of its letters away, and one letter of a short word', () => {
    const of = (word: string, known: string): string | undefined => nearest(word, [known]);
    expect(['abx', 'ab', 'xabc', 'acb'].map((word) => of(word, 'abc'))).to.deep.equal(['abc', 'abc', 'abc', 'abc']);
    expect(['axy', 'a', 'xyabc', 'cab'].map((word) => of(word, 'abc'))).to.deep.equal(Array(4).fill(undefined));
    expect(['abcdxy', 'abcd', 'badcef'].map((word) => of(word, 'abcdef'))).to.deep.equal(Array(3).fill('abcdef'));
    expect(['abcxyz', 'abc', 'badcfe'].map((word) => of(word, 'abcdef'))).to.deep.equal(Array(3).fill(undefined));
    expect([of('x', 'a'), of('', 'a'), of('xy', 'a'), of('ba', 'ab')]).to.deep.equal(['a', 'a', undefined, 'ab']);
  });

  it('is the one with the fewest edits, of several the first, whatever the case', () => {
    expect(nearest('maxx', ['mean', 'min', 'max'])).to.equal('max');
    expect(nearest('ax', ['ab', 'ac'])).to.equal('ab');
    expect(nearest('MAXX', ['max'])).to.equal('max');
    expect(nearest('duratoin', ['count', 'Duration'])).to.equal('Duration');
    expect(nearest('max', [])).to.equal(undefined);
  });

  it('is found through one edit anywhere', () => {
    fc.assert(
      fc.property(letters, fc.nat(8), fc.constantFrom('insert', 'delete', 'replace', 'swap'), (word, at, edit) => {
        const place = at % word.length;
        const [before, here, after] = [word.slice(0, place), word[place] ?? '', word.slice(place + 1)];
        const edited = {
          insert: `${before}x${here}${after}`,
          delete: before + after,
          replace: `${before}x${after}`,
          swap: `${before}${after.slice(0, 1)}${here}${after.slice(1)}`,
        }[edit];
        expect(nearest(edited, [word])).to.equal(word);
      }),
    );
  });

  it('is none where everything is another letter', () => {
    fc.assert(
      fc.property(letters, (word) => {
        expect(nearest('x'.repeat(word.length), [word])).to.equal(undefined);
      }),
    );
  });
});

describe('the worst verdict', () => {
  const order = ['pass', 'warn', 'skip', 'fail', 'no-data', 'error'] as const;

  it('wins, in this order', () => {
    expect([...verdicts]).to.deep.equal([...order]);
    for (const [at, verdict] of order.entries()) {
      expect(worst(order.slice(0, at + 1))).to.equal(verdict);
      expect(worst(order.slice(0, at + 1).reverse())).to.equal(verdict);
      expect(worst([verdict])).to.equal(verdict);
    }
  });

  it('of nothing is that there are no data', () => {
    expect(worst([])).to.equal('no-data');
  });
});
