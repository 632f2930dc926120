import { expect } from 'chai';
import fc from 'fast-check';
import type { Finding } from '../../lib/suite/findings.js';
import { compileTemplate } from '../../lib/suite/template.js';
import { load, mistakesIn } from './files.js';

const evaluate = (
  raw: unknown,
  scope: Readonly<Record<string, unknown>>,
  env: Readonly<Record<string, string>> = {},
) => {
  const findings: Finding[] = [];
  const template = compileTemplate(raw, { names: Object.keys(scope), env }, findings);
  const value = template.evaluate(scope, findings);
  return { value, findings };
};

const test = (options: string, more = '') =>
  `suite: x\n${more}contexts: { metal: { type: bare-metal } }\ntests: [ { name: t, scenario: timer, context: metal, options: ${options} } ]\n`;

describe('substitution', () => {
  it('keeps the type of a value that stands alone, and makes text of it elsewhere', () => {
    const scope = { n: 3, b: true, list: [1, '2'], text: 'x' };
    expect(evaluate({ a: '${n}', b: ['${b}', '${list}'], c: 'p${n}${b}', d: 7 }, scope).value).to.deep.equal({
      a: 3,
      b: [true, [1, '2']],
      c: 'p3true',
      d: 7,
    });
  });

  it('takes $${ as a plain ${ and never looks at what was put in', () => {
    expect(evaluate('$${n}', { n: 1 }).value).to.equal('${n}');
    expect(evaluate('${a}-${b}', { a: '${b}', b: '$${a}' })).to.deep.equal({ value: '${b}-$${a}', findings: [] });
    expect(evaluate('${env:A}', {}, { A: '${env:A}' }).value).to.equal('${env:A}');
  });

  it('evaluates nothing', () => {
    for (const inside of ['1 + 1', 'process.exit(1)', 'a.b', 'constructor', '__proto__', 'env:', 'env:A B', '']) {
      const { findings } = evaluate(`\${${inside}}`, {});
      expect(findings, inside).to.have.length(1);
    }
  });

  it('gives back any text that was escaped', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('$', '{', '}', 'a', 'env:', 'é') }), (text) => {
        // Only `${` means something; a `$` right before an escaped one must not join it.
        fc.pre(!text.includes('$${'));
        expect(
          evaluate(
            text.replaceAll('${', () => '$${'),
            { a: 'no' },
          ).value,
        ).to.equal(text);
      }),
    );
  });

  it('reads numbers from the environment where a number is asked for, and text where text is', async () => {
    const text = test('{ priority: "${env:PRIORITY}", secret: "${env:PASSWORD}" }');
    const loaded = await load(text, { env: { PRIORITY: '42', PASSWORD: 'abc' } });
    expect([...loaded.tests()][0]?.options).to.include({ priority: 42, secret: 'abc' });
    expect(loaded.secrets).to.have.members(['42', 'abc']);
    expect(
      [...(await load(test('{ secret: "${env:PASSWORD}" }'), { env: { PASSWORD: '1234' } })).tests()][0]?.options,
    ).to.include({
      secret: '1234',
    });
  });

  it('never echoes a value of the environment', async () => {
    const secret = 'hunter2 "quoted"';
    const env = { SECRET: secret, NUMBER: '1e9' };
    for (const options of [
      '{ interval: "${env:SECRET}" }',
      '{ interval: "${env:SECRET}ms", tool: "${env:SECRET}" }',
      '{ priority: "${env:NUMBER}" }',
      '{ interval: "${from}" }',
      '"${env:SECRET}"',
    ]) {
      const said = await mistakesIn(test(options, 'params: { from: "${env:SECRET}" }\n'), { env });
      expect(said, options).to.match(/error: what '.*' gives does not fit here/);
      expect(said, options).to.not.match(/hunter2|quoted\\|1e9/);
    }
    const runner = `suite: x\ncontexts: { metal: { type: bare-metal } }\ntests: [ { name: t, scenario: timer, context: metal, runner: { type: list, over: { interval: ["\${env:SECRET}"] } } } ]\n`;
    expect(await mistakesIn(runner, { env }))
      .to.match(/options that don't fit/)
      .and.not.match(/hunter2/);
  });

  it('never echoes one that a tuning or a reference refuses', async () => {
    const context = (keys: string) =>
      `suite: x\ncontexts: { metal: { type: bare-metal, ${keys} } }\ntests: [ { name: t, scenario: timer, context: metal } ]\n`;
    for (const keys of ['tuning: { profile: "${env:SECRET}" }', 'host: "${env:SECRET}"'])
      expect(await mistakesIn(context(keys), { env: { SECRET: 'hunter2' } }), keys)
        .to.match(/error: /)
        .and.not.match(/hunter2/);
  });

  it('records a param from the environment as written', async () => {
    const loaded = await load(
      test('{ secret: "${from}", interval: "${i}" }', 'params: { from: "${env:SECRET}", i: 1ms, unused: 1 }\n'),
      {
        env: { SECRET: 'hunter2' },
        params: { i: '2ms' },
      },
    );
    const [only] = [...loaded.tests()];
    expect(only?.parameters).to.deep.equal({ from: '${env:SECRET}', i: '2ms' });
    expect(only?.options).to.include({ secret: 'hunter2', interval: 2e6 });
  });

  it('gives params from the command line the type of their defaults', async () => {
    const params = 'params: { number: 1, flag: false, text: "1", list: [1], open: }\n';
    const text = `suite: x\n${params}contexts: { metal: { type: bare-metal } }\ntests: [ { name: "t\${number}\${flag}\${text}", scenario: timer, context: metal, matrix: { a: "\${list}", b: ["\${open}"] } } ]\n`;
    const loaded = await load(text, { params: { number: '2', flag: 'true', text: '3', list: '[4, 5]', open: '6' } });
    expect([...loaded.tests()].map(({ name, parameters }) => [name, parameters])).to.deep.equal(
      [4, 5].map((a) => [`t2true3 [a=${String(a)} b=6]`, { number: 2, flag: true, text: '3', a, b: 6 }]),
    );
  });
});
