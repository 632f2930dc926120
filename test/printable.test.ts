import { expect } from 'chai';
import * as fc from 'fast-check';
import { codeOf, Kvm4nfvError, messageOf } from '../lib/error.js';
import { errorCodes } from '../lib/error-codes/index.js';
import { printable, printableData, printableJson, shortened } from '../lib/printable.js';

/** Control characters but tab and line end, what turns text around or shows nothing, halves of pairs. */
const acts = /[^\P{Cc}\n\t]|[\p{Cf}\p{Cs}\u2028\u2029\uFDD0-\uFDEF\u115F\u3164]/u;
/** As GitHub's runner, Azure's agent and TeamCity look for orders in a log. */
const orders = (line: string): boolean =>
  /^::[a-z][^:\n]*::/i.test(line.trimStart()) || /##(?:vso|teamcity)?\[/i.test(line);

const hostile = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        '\u001B[2J',
        '\u009B31m',
        '\u001B]0;x\u0007',
        '\u202E',
        '\u200B',
        '\uFEFF',
        '\uD800',
        '\u{E0041}',
        '\r',
      ),
      fc.constantFrom(
        '::error::x',
        '  ::set-output name=a::b',
        '##vso[task.x]',
        '##[group]',
        '##teamcity[x]',
        '\n',
        '#',
        ':',
      ),
      fc.string({ unit: 'grapheme' }),
    ),
  )
  .map((parts) => parts.join(''));

describe('Text from elsewhere', () => {
  it('has no character left that acts, and no order to a CI', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const shown = printable(text);
        expect(acts.test(shown), JSON.stringify(shown)).to.equal(false);
        for (const line of shown.split('\n')) expect(orders(line), JSON.stringify(line)).to.equal(false);
        expect(printable(shown)).to.equal(shown);
        expect(printable(text, { lines: false })).to.not.match(/[\n\t]/);
      }),
      { numRuns: 2000 },
    );
  });

  it('is left as it is where nothing is wrong with it', () => {
    for (const text of [
      'Xeon® 8380 µs',
      '日本語 한국어',
      'é e\u0301',
      '❤️ 👍🏽',
      'a\tb\nc',
      '::1',
      'fe80::1: up',
      '# [x] ##',
      'a::b::c',
    ])
      expect(printable(text)).to.equal(text);
  });

  for (const [text, shown] of [
    ['\u001B[31mred\u001B[0m', String.raw`\x1b[31mred\x1b[0m`],
    ['\u009B2J', String.raw`\x9b2J`],
    ['user\u202Efdp.exe', String.raw`user\u202efdp.exe`],
    ['a\u2028b', String.raw`a\u2028b`],
    ['10 %\r20 %\r\nend', '10 %\\r20 %\nend'],
    ['x\uD83D', String.raw`x\ud83d`],
    ['\u{E0041}', String.raw`\u{e0041}`],
    ['  ::error file=a,line=1::b', String.raw`  \x3a:error file=a,line=1::b`],
    ['##vso[task.setvariable variable=a]b', String.raw`\x23#vso[task.setvariable variable=a]b`],
  ] as const)
    it(`is shown as ${JSON.stringify(shown)}`, () => {
      expect(printable(text)).to.equal(shown);
    });

  it('loses its middle where it is long, and no more', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), fc.integer({ min: 2, max: 40 }), (text, limit) => {
        const cut = shortened(text, limit);
        if (text.length <= limit) {
          expect(cut).to.equal(text);
          return;
        }
        const [, head = '', left, tail = ''] =
          /^(.*) \[\.\.\. (\d+) characters left out \.\.\.\] (.*)$/s.exec(cut) ?? [];
        expect(text.startsWith(head) && text.endsWith(tail)).to.equal(true);
        expect(head.length + Number(left) + tail.length).to.equal(text.length);
      }),
    );
  });

  it('says the same in JSON', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const json = printableJson(JSON.stringify({ [text]: text }, undefined, 2));
        expect(acts.test(json)).to.equal(false);
        for (const line of json.split('\n')) expect(orders(line), json).to.equal(false);
        expect(JSON.parse(json)).to.deep.equal({ [text]: text });
      }),
    );
  });

  it('is printable in keys and values of plain data', () => {
    expect(printableData({ '\u001Ba': ['\u001Bb', 1, null, true], c: { d: 'e' } })).to.deep.equal({
      '\\x1ba': ['\\x1bb', 1, null, true],
      c: { d: 'e' },
    });
  });

  it('is printable in each error, 50 MB of it too, which are cut', () => {
    const error = new Kvm4nfvError('E_COMMAND', `\u001B[31m${'x'.repeat(50_000_000)}\u202E`, { hint: '\u001B[0m' });
    expect(error.message)
      .to.match(/^\\x1b\[31mx{1000}/)
      .and.match(/x\\u202e$/);
    expect(error.message.length).to.be.lessThan(20_000);
    expect(error.hint).to.equal('\\x1b[0m');
    expect(messageOf(new Error('\u009B'))).to.equal('\\x9b');
  });
});

describe('Code of an error', () => {
  it('gives its fault; a fault alone has a code of its own', () => {
    expect(new Kvm4nfvError('E_NO_CPU', 'x')).to.include({ code: 'E_NO_CPU', fault: 'environment' });
    for (const fault of new Set(Object.values(errorCodes).map((entry) => entry.fault))) {
      const error = new Kvm4nfvError(fault, 'x');
      expect(error.fault).to.equal(fault);
      expect(error.code).to.equal(`E_${fault.toUpperCase()}`);
    }
    expect(codeOf(new TypeError('x'))).to.equal('E_INTERNAL');
  });

  it('is explained, in sentences', () => {
    for (const [code, { meaning, remedy }] of Object.entries(errorCodes)) {
      expect(code).to.match(/^E_[A-Z]+(?:_[A-Z]+)*$/);
      for (const text of [meaning, remedy])
        expect(text, code)
          .to.match(/^\S.{10,110}\S$/)
          .and.not.include('|');
    }
  });
});
