import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { built, inDirectory, root, suiteOf, writeSuite } from './cli.js';

/** Runs the CLI with a terminal of its own and gives all that it wrote there. */
const onTerminal = async (
  directory: string,
  env: Record<string, string>,
): Promise<{ code: number | null; shown: string }> => {
  const command = `stty cols 60; '${process.execPath}' '${join(root, 'dist/kvm4nfv.js')}' run '${join(directory, 'suite.yaml')}'`;
  const child = spawn('script', ['-qefc', command, '/dev/null'], {
    cwd: directory,
    env: { ...process.env, TERM: 'xterm', CI: '', NO_COLOR: '', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [shown, [code]] = await Promise.all([text(child.stdout), once(child, 'close') as Promise<[number | null]>]);
  return { code, shown };
};

describe('a run on a terminal', function () {
  this.timeout(60_000);
  before(built);

  it('keeps one line up to date, no longer than the terminal is wide, and clears it before the result', async () => {
    await inDirectory(async (directory) => {
      await writeSuite(directory, suiteOf({ options: { loops: 2200 } }));
      const { code, shown } = await onTerminal(directory, {});
      expect(code, shown).to.equal(0);
      const lines = shown.split('\r\u001B[2K');
      expect(lines.length).to.be.greaterThan(3);
      expect(
        lines.some((line) => /^0\/1 {2}timer, trial 1\/1 {2}0:0\d of 0:02/.test(line)),
        shown,
      ).to.equal(true);
      for (const line of lines.slice(1, -1)) {
        expect(line).to.not.contain('\n');
        expect(line.length).to.be.lessThan(60);
      }
      expect(lines.at(-1))
        .to.match(/^local: /)
        .and.to.contain('\u001B[32mpass\u001B[39m');
    });
  });

  it('writes plain lines where CI is set, and no colour with NO_COLOR', async () => {
    await inDirectory(async (directory) => {
      await writeSuite(directory, suiteOf());
      const { code, shown } = await onTerminal(directory, { CI: 'true', NO_COLOR: '1' });
      expect(code).to.equal(0);
      expect(shown).to.not.contain('\u001B[');
      expect(shown).to.match(/^\d\d:\d\d:\d\d {2}trial timer-0: pass\r$/m);
    });
  });
});
