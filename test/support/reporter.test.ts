import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { processesWith } from './processes.js';

const root = join(import.meta.dirname, '../..');
const argv = ['--import', 'tsx', 'node_modules/mocha/bin/mocha.js', '--no-config', '--fail-zero'];

/** Runs mocha on one file of tests, with our reporter. */
const report = async (
  tests: string,
): Promise<{ readonly exitCode: number | null; readonly lines: readonly string[] }> => {
  const directory = await mkdtemp(join(tmpdir(), 'kvm4nfv-reporter-'));
  try {
    const file = join(directory, 'some.test.mjs');
    await writeFile(file, tests);
    const child = spawn(process.execPath, [...argv, '--reporter', './test/support/reporter.ts', file], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [stdout, [exitCode]] = await Promise.all([
      text(child.stdout),
      once(child, 'exit') as Promise<[number | null]>,
    ]);
    return { exitCode, lines: stdout.trimEnd().split('\n') };
  } finally {
    await rm(directory, { recursive: true });
  }
};

describe('The reporter of the tests', () => {
  it('ends with the counts and with 0 when all passed', async () => {
    const { exitCode, lines } = await report(`describe('a', () => { it('b', () => {}); it('c', () => {}); });`);
    expect(lines.at(-1)).to.equal('2 passed, 0 failed');
    expect(exitCode).to.equal(0);
  });

  it('counts what was skipped', async () => {
    const { exitCode, lines } = await report(`describe('a', () => { it('b', () => {}); it.skip('c', () => {}); });`);
    expect(lines.at(-1)).to.equal('1 passed, 0 failed, 1 skipped');
    expect(lines.join('\n')).to.include('skipped: c');
    expect(exitCode).to.equal(0);
  });

  it('shows what failed and ends with 1', async () => {
    const { exitCode, lines } = await report(
      `describe('a', () => { it('b', () => {}); it('c', () => { throw new Error('broken glass'); }); });`,
    );
    expect(lines.at(-1)).to.equal('1 passed, 1 failed');
    expect(lines.join('\n')).to.include('broken glass');
    expect(exitCode).to.equal(1);
  });

  it('counts a broken hook as a failure', async () => {
    const { exitCode, lines } = await report(
      `describe('a', () => { before(() => { throw new Error('no'); }); it('b', () => {}); });`,
    );
    expect(lines.at(-1)).to.equal('0 passed, 1 failed');
    expect(exitCode).to.equal(1);
  });

  it('counts what a test leaves on the machine as a failure, and names the file', async () => {
    const sleeping = `90${String(process.pid)}`;
    const { exitCode, lines } = await report(
      `import { spawn } from 'node:child_process';
      import { mkdtempSync } from 'node:fs';
      import { tmpdir } from 'node:os';
      describe('a', () => { it('b', () => {
        spawn('sleep', ['${sleeping}'], { detached: true, stdio: 'ignore' }).unref();
        mkdtempSync(tmpdir() + '/forgotten-');
      }); });`,
    );
    for (const pid of processesWith('sleep', sleeping)) process.kill(pid, 'SIGKILL');
    expect(lines.at(-1)).to.equal('1 passed, 1 failed');
    expect(lines.join('\n'))
      .to.match(new RegExp(`Left behind by \\S+some\\.test\\.mjs, which is a failure: process \\d+: sleep ${sleeping}`))
      .and.to.match(/Left behind by .*: \S+\/forgotten-/);
    expect(exitCode).to.equal(1);
  });

  it('ends with 1 when no test ran, be it that there is none or that all were skipped', async () => {
    for (const tests of [`describe('a', () => {});`, `describe('a', () => { it.skip('b', () => {}); });`]) {
      const { exitCode, lines } = await report(tests);
      expect(lines.at(-1)).to.match(/^0 passed, 0 failed/);
      expect(exitCode).to.equal(1);
    }
  });
});
