import { expect } from 'chai';
import fc from 'fast-check';
import type { Diagnostic } from '../../lib/suite/diagnostic.js';
import { SuiteError } from '../../lib/suite/suite-error.js';
import { renderDiagnostics } from '../../lib/suite/render.js';

const at = (more: Partial<Diagnostic>): Diagnostic => ({
  file: 's.yaml',
  line: 1,
  column: 1,
  length: 1,
  severity: 'error',
  code: 'E_VALUE',
  message: 'wrong',
  ...more,
});
const render = (text: string, more: Partial<Diagnostic>) => renderDiagnostics([at(more)], new Map([['s.yaml', text]]));

describe('rendering diagnostics', () => {
  it('puts the caret below its place where tabs and wide or combining characters come before it', () => {
    expect(render('a:\tb', { column: 4 })).to.equal('s.yaml:1:4: error: wrong [E_VALUE]\n 1 | a:\tb\n   |   \t^');
    expect(render('実e\u0301: x', { column: 6 })).to.equal(
      's.yaml:1:6: error: wrong [E_VALUE]\n 1 | 実e\u0301: x\n   |      ^',
    );
    expect(render('名: x', { length: 1 })).to.equal('s.yaml:1:1: error: wrong [E_VALUE]\n 1 | 名: x\n   | ^^');
  });

  it('shows the surroundings of a place in a long line, and leaves out a line that is not there', () => {
    const shown = render(`${'a'.repeat(500)}X${'b'.repeat(500)}`, { column: 501 }).split('\n');
    expect(shown[1]).to.equal(` 1 | …${'a'.repeat(60)}X${'b'.repeat(99)}…`);
    expect(shown[2]?.indexOf('^')).to.equal(shown[1]?.indexOf('X'));
    expect(render('', { line: 7, expected: 'text' })).to.equal('s.yaml:7:1: error: wrong [E_VALUE]\n  = expected text');
  });

  it('keeps to the form of compilers: warnings, hints and notes', () => {
    expect(render('x', { severity: 'warning', expected: 'y', hint: 'do it', note: 'twice' })).to.equal(
      's.yaml:1:1: warning: wrong [E_VALUE]\n 1 | x\n   | ^ expected y\n  = do it\n  = twice',
    );
  });

  it('never sends a control character to the terminal', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), fc.nat(20), (text, message, column) => {
        const rendered = render(text, { message, column: column + 1, file: 's.yaml' });
        expect(rendered).to.not.match(/[^\P{Cc}\t\n\r]|[\u202a-\u202e]/u);
      }),
    );
  });

  it('is the message of a SuiteError, which is a usage error', () => {
    const sources = new Map([['s.yaml', 'x']]);
    const error = new SuiteError([at({})], sources);
    expect(error.fault).to.equal('usage');
    expect(error.message).to.equal(renderDiagnostics([at({})], sources));
  });
});
