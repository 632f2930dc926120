import { expect } from 'chai';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { builtins } from '../../lib/builtins.js';
import { expectGolden } from '../support/golden.js';
import { mistakes, mistakesIn, withFiles } from './files.js';

const fixtures = (name: string) => join(import.meta.dirname, '..', 'fixtures', name);
const env = { HOME: '/root', HOST: 'x' };

describe('mistakes of a suite', () => {
  it('are reported with place, caret, what was expected and a hint (fixtures/suite/*/expected.txt)', async () => {
    const cases = await readdir(fixtures('suite'));
    expect(cases.length).to.be.greaterThan(25);
    for (const name of cases) {
      const said = await mistakes(join(fixtures('suite'), name), { env });
      expect(said, name).to.not.equal('');
      await expectGolden(said, `suite/${name}/expected.txt`);
    }
  });

  it('in the options of guests are told once, for the kind of image that was meant (fixtures/suite-builtins)', async () => {
    const said = await mistakes(join(fixtures('suite-builtins'), 'guests'), { env, registry: builtins() });
    await expectGolden(said, 'suite-builtins/guests/expected.txt');
  });

  it('include a file that is too large, of which no more than its size is read', async () => {
    await withFiles({}, async (directory) => {
      const file = await open(join(directory, 'suite.yaml'), 'w');
      await file.truncate(50 * 2 ** 20);
      await file.close();
      expect(await mistakes(directory)).to.equal(
        'suite.yaml: error: 50.0 MiB is too large: a suite file has at most 1 MiB [E_FILE_SIZE]\n' +
          '  = split it with `include`, or let a `matrix` generate the tests\n',
      );
    });
  });

  it('include an endless file', async () => {
    await withFiles({ 'suite.yaml': 'suite: x\ninclude: [/dev/zero]\n' }, async (directory) => {
      expect(await mistakes(directory)).to.include(
        "'/dev/zero': larger than 1 MiB [E_FILE_SIZE]\n 2 | include: [/dev/zero]\n",
      );
    });
  });

  it('include binary junk, which is not sent to the terminal', async () => {
    expect(await mistakesIn(Uint8Array.of(0x73, 0x3a, 0x20, 0xff, 0x1b, 0x5b, 0x41))).to.equal(
      'suite.yaml:1:4: error: not a text file: a suite is UTF-8 text in YAML [E_NOT_TEXT]\n 1 | s: \uFFFD\\x1b[A\n   |    ^\n',
    );
    expect(await mistakesIn('suite: a\n\u001b[2J: 1\n')).to.equal(
      'suite.yaml:2:1: error: control character U+001B: not a text file: a suite is UTF-8 text in YAML [E_NOT_TEXT]\n' +
        ' 2 | \\x1b[2J: 1\n   | ^^^^\n',
    );
  });

  it('include a file that is not there, and a directory', async () => {
    await withFiles({}, async (directory) => {
      expect(await mistakes(directory)).to.equal(
        "suite.yaml: error: can't be read: there is no such file or directory [E_FILE]\n",
      );
      expect(await mistakes(join(directory, '..'), {})).to.match(/can't be read/);
    });
    expect(await mistakesIn('suite: x\ninclude: [.]\n')).to.include("can't be read: it is a directory");
  });

  it('are counted where there are very many', async () => {
    const text = `suite: x\n${Array.from({ length: 5000 }, (_, index) => `key${String(index)}: 1\n`).join('')}`;
    const lines = (await mistakesIn(text)).trimEnd().split('\n');
    expect(lines.at(-1)).to.match(/^suite\.yaml: error: and \d+ more mistakes \[E_SUITE\]$/);
    expect(lines.length).to.be.lessThan(1500);
  });

  it('of a param given on the command line are named so', async () => {
    const text = 'suite: x\nparams: { seconds: 5, fast: true }\n';
    const said = await mistakesIn(text, { params: { seconds: 'five', fats: 'true' } });
    expect(said).to.include(
      "--param seconds: error: 'five' is the wrong type [E_PARAM]\n  = expected a number, as its default is",
    );
    expect(said).to.include(
      "--param fats: error: suite.yaml declares no param 'fats' [E_PARAM]\n  = expected one of: seconds, fast\n  = did you mean 'fast'?",
    );
  });
});

describe('mistakes of runners', () => {
  const suite = (runner: string) =>
    `suite: x\ncontexts: { metal: { type: bare-metal } }\ntests:\n  - name: t\n    scenario: timer\n    context: metal\n    runner: { type: ${runner} }\n`;
  const said = (runner: string) => mistakesIn(suite(runner), { registry: builtins(), env });

  const rows: readonly (readonly [string, string, string, string?])[] = [
    [
      'iteration, until: { metric: losss.p99 }',
      "nothing called 'losss' is measured: the scenario measures latency (histogram)",
      'losss.p99',
    ],
    [
      "iteration, stop_on: 'lattency.max > 1us'",
      "nothing called 'lattency' is measured",
      'lattency.max > 1us',
      "did you mean 'latency'?",
    ],
    [
      "duration, duration: 1s, stop_on: 'max > 1MiB'",
      '1MiB has the wrong unit: expected ns, us, ms, s, m, min, h, d',
      'max > 1MiB',
    ],
    [
      "sweep, over: { tool: [timerlat, oslat] }, stop_on: 'irq.max > 1us'",
      "nothing called 'irq' is measured: the scenario measures latency (histogram)",
      'irq.max > 1us',
    ],
    [
      'iteration, until: { metric: latency }',
      "'latency' is a histogram: name a statistic of it, such as latency.max or latency.p99.99",
      'latency',
    ],
    [
      "iteration, stop_on: '${env:HOST}yz.max > 1us'",
      "what '${env:HOST}yz.max > 1us' gives does not fit here",
      "'${env:HOST}yz.max > 1us'",
    ],
    [
      'iteration, count: 2, until: { metric: p99 }',
      'until waits for 3 trials (at_least), and count allows only 2',
      '2',
    ],
    [
      'iteration, until: { metric: p99, at_least: 200 }',
      'until waits for 200 trials (at_least), and there are only 100 unless count says otherwise',
      '200',
    ],
  ];
  for (const [runner, message, meant, hint] of rows)
    it(`are reported with their place: ${runner}`, async () => {
      const code = message.startsWith('until waits') ? 'E_VALUE' : 'E_METRIC';
      const line = `    runner: { type: ${runner} }`;
      const column = line.lastIndexOf(meant);
      expect(await said(runner)).to.equal(
        `suite.yaml:7:${String(column + 1)}: error: ${message} [${code}]\n 7 | ${line}\n   | ${' '.repeat(column)}${'^'.repeat(meant.length)}\n${hint === undefined ? '' : `  = ${hint}\n`}`,
      );
    });

  it('are none where the scenario measures what they name', async () => {
    for (const runner of [
      'iteration, until: { metric: p99.9 }',
      "iteration, count: 5, until: { metric: 'over(20us)', at_least: 5 }, stop_on: duration > 60s",
      "sweep, over: { interval: [1ms, 2ms] }, stop_on: 'latency.max > 100us'",
      "sweep, over: { tool: [timerlat] }, stop_on: 'irq.max > 100us'",
    ])
      expect(await said(runner), runner).to.equal('');
  });
});

describe('absurd suites', () => {
  // What costs more than a little for each character would take minutes: 64 KiB show it and keep the test quick.
  const filled = (piece: string) => piece.repeat(Math.floor(2 ** 16 / piece.length));
  for (const piece of ['[', '{', '- ', 'a: ', '&a ', '!a ', '"', '*a ', '---\n', '{a:', "- '\n", '%A 1\n', '{a: b},'])
    it(`of nothing but ${JSON.stringify(piece)} are refused in bounded time`, async function () {
      this.timeout(60_000);
      expect(await mistakesIn(filled(piece))).to.match(/error: /);
    });

  it('with thousands of wrong names and keys are refused in bounded time', async function () {
    this.timeout(60_000);
    const many = (line: (index: string) => string) =>
      Array.from({ length: 4000 }, (_, index) => line(String(index))).join('');
    const text =
      `suite: x\nparams:\n${many((index) => `  p${index}: 1\n`)}` +
      `contexts:\n${many((index) => `  c${index}: { type: kvm-guest, host: c${String(Number(index) + 1)} }\n`)}` +
      `tests:\n${many((index) => `  - { name: "t\${q${index}}", scenario: timer, context: d${index} }\n`)}`;
    expect(await mistakesIn(text)).to.match(/more mistakes/);
    const aliases = `suite: x\nparams:\n${many((index) => `  p${index}: &a${index} 1\n  q${index}: *b${index}\n`)}`;
    expect(await mistakesIn(aliases)).to.include("no anchor '&b0'");
  });
});
