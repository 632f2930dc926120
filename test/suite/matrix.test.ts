import { expect } from 'chai';
import fc from 'fast-check';
import { checkMatrix, combinations, matrixKeys, matrixOf, noMatrix } from '../../lib/suite/matrix.js';
import { load } from './files.js';

const all = (written: Record<string, unknown>) => [...combinations(matrixOf(written))];

const names = async (name: string, matrix: string) => {
  const text = `suite: x\ncontexts: { metal: { type: bare-metal } }\ntests: [ { name: ${JSON.stringify(name)}, scenario: timer, context: metal, matrix: ${matrix} } ]\n`;
  return [...(await load(text)).tests()].map((test) => test.name);
};

describe('a matrix', () => {
  it('gives each combination once, the last key turning fastest', () => {
    expect(all({ a: [1, 2], b: ['x', 'y'] })).to.deep.equal([
      { a: 1, b: 'x' },
      { a: 1, b: 'y' },
      { a: 2, b: 'x' },
      { a: 2, b: 'y' },
    ]);
    expect([...combinations(noMatrix)]).to.deep.equal([{}]);
  });

  it('excludes combinations that have all values of an entry', () => {
    expect(all({ a: [1, 2], b: [1, 2], exclude: [{ a: 1, b: 2 }, { b: 1 }] })).to.deep.equal([{ a: 2, b: 2 }]);
    expect(all({ a: [{ x: [1] }, { x: [2] }], exclude: [{ a: { x: [1] } }] })).to.deep.equal([{ a: { x: [2] } }]);
  });

  it('includes as GitHub Actions does: extends what agrees, adds what does not', () => {
    // The example of GitHub's documentation on expanding or adding matrix configurations, with names of its own.
    const written = {
      size: [64, 1500],
      load: ['cpu', 'io'],
      include: [
        { speed: 10 },
        { speed: 40, load: 'cpu' },
        { size: 64, extra: 'x' },
        { size: 9000 },
        { size: 9000, load: 'io' },
      ],
    };
    expect(all(written)).to.deep.equal([
      { size: 64, load: 'cpu', speed: 40, extra: 'x' },
      { size: 64, load: 'io', speed: 10, extra: 'x' },
      { size: 1500, load: 'cpu', speed: 40 },
      { size: 1500, load: 'io', speed: 10 },
      { size: 9000 },
      { size: 9000, load: 'io' },
    ]);
    expect(all({ include: [{ a: 1 }, { a: 2, b: 3 }] })).to.deep.equal([{ a: 1 }, { a: 2, b: 3 }]);
  });

  it('has as many combinations as its lists multiply to, less the excluded ones', () => {
    const lists = fc.dictionary(
      fc.constantFrom('a', 'b', 'c', 'd'),
      fc.uniqueArray(fc.nat(9), { minLength: 1, maxLength: 4 }),
      { minKeys: 1 },
    );
    fc.assert(
      fc.property(lists, (written) => {
        const product = Object.values(written).reduce((count, list) => count * list.length, 1);
        expect(all(written)).to.have.length(product);
        const [key = '', [first] = []] = Object.entries(written)[0] ?? [];
        const size = written[key]?.length ?? 1;
        expect(all({ ...written, exclude: [{ [key]: first }] })).to.have.length(product - product / size);
        expect(matrixKeys(matrixOf({ ...written, include: [{ z: 1 }] }))).to.deep.equal([...Object.keys(written), 'z']);
      }),
    );
  });

  it('is made one combination at a time', () => {
    const list = Array.from({ length: 1000 }, (_, index) => index);
    const endless = combinations(matrixOf({ a: list, b: list, c: list, d: list }));
    expect(endless.next().value).to.deep.equal({ a: 0, b: 0, c: 0, d: 0 });
    expect(checkMatrix(matrixOf({ a: list, b: list, c: list }), [])[0]?.message).to.equal(
      'the matrix has 1000000000 combinations',
    );
  });

  it('names tests by the template, and appends keys that it leaves out', async () => {
    expect(await names('timer-${load}', '{ load: [cpu, io] }')).to.deep.equal(['timer-cpu', 'timer-io']);
    expect(await names('timer', '{ load: [cpu], cpus: ["2-5", 1] }')).to.deep.equal([
      'timer [load=cpu cpus=2-5]',
      'timer [load=cpu cpus=1]',
    ]);
    expect(await names('${a}', '{ a: [1, 2], b: [true], include: [ { a: 2, c: { d: [1] } } ] }')).to.deep.equal([
      '1 [b=true]',
      '2 [b=true c={"d":[1]}]',
    ]);
  });
});
