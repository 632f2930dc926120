import { execFileSync } from 'node:child_process';
import { expect } from 'chai';
import fc from 'fast-check';
import { quote, quoteArgv } from '../../lib/host/quote.js';
import { Kvm4nfvError } from '../../lib/error.js';

const nasty = fc.array(
  fc.constantFrom(
    "'",
    '"',
    '\\',
    '$',
    '`',
    '\n',
    ' ',
    '*',
    '!',
    '#',
    '~',
    '=',
    '(',
    '&',
    ';',
    '{',
    '\t',
    'a',
    'é',
    '-',
  ),
  { maxLength: 12 },
);
const words = fc.oneof(
  nasty.map((characters) => characters.join('')),
  fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\0', '')),
);

describe('Quoting for a shell', () => {
  it('hands every word through a real sh unchanged', () => {
    fc.assert(
      fc.property(fc.array(words, { maxLength: 20 }), (argv) => {
        const given = execFileSync('sh', ['-c', quoteArgv(['printf', '%s\\0', 'first', ...argv])], {
          encoding: 'utf8',
        });
        expect(given.split('\0').slice(1, -1)).to.deep.equal(argv);
      }),
      { numRuns: 200 },
    );
  });

  it('leaves plain words readable', () => {
    expect(quoteArgv(['cyclictest', '-m', '--affinity=1-3', '/a/b.c'])).to.equal('cyclictest -m --affinity=1-3 /a/b.c');
    expect(quoteArgv(['', '~root', "it's"])).to.equal(String.raw`'' '~root' 'it'\''s'`);
  });

  it('refuses a NUL byte', () => {
    expect(() => quote('a\0b')).to.throw(Kvm4nfvError, 'NUL');
  });
});
