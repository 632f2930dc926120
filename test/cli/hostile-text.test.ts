import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { begin } from '../support/begin.js';
import { some } from '../support/some.js';
import { built, cli, root, stackTrace } from './cli.js';
import { startHostileHost, type HostileHost } from './hostile/host.js';
import { actsIn, lines, words } from './hostile/words.js';

interface Stream {
  readonly name: string;
  readonly env: Readonly<Record<string, string>>;
  readonly colours: boolean;
  readonly terminal: boolean;
}

/** Where the CLI writes, and what it may write there. */
const streams: readonly Stream[] = [
  { name: 'a pipe', env: { NO_COLOR: '1' }, colours: false, terminal: false },
  { name: 'a terminal', env: { NO_COLOR: '', CI: '' }, colours: true, terminal: true },
];
/** Asked of the commands that draw most. */
const moreStreams: readonly Stream[] = [
  { name: 'a pipe with FORCE_COLOR', env: { NO_COLOR: '', FORCE_COLOR: '1' }, colours: true, terminal: false },
  { name: 'the terminal of a CI', env: { NO_COLOR: '1', CI: 'true' }, colours: false, terminal: true },
];
const drawing = ['run', 'report', 'doctor', 'tune plan', 'validate of mistakes'];

/** What a user sees of the CLI, both streams together. */
const shownBy = async (
  argv: readonly string[],
  directory: string,
  { env, terminal }: Stream,
  inside: readonly string[] = [],
): Promise<{ code: number | null; shown: string }> => {
  const whole = [...inside, process.execPath, join(root, 'dist/kvm4nfv.js'), ...argv];
  const quoted = whole.map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`).join(' ');
  const child: ChildProcess = terminal
    ? begin('script', ['-qefc', `stty cols 100; ${quoted}`, '/dev/null'], {
        cwd: directory,
        env: { ...process.env, TERM: 'xterm', ...env },
        stdio: ['ignore', 'pipe', 'ignore'],
      })
    : begin('sh', ['-c', `${quoted} 2>&1`], {
        cwd: directory,
        env: { ...process.env, ...env },
        stdio: ['ignore', 'pipe', 'ignore'],
      });
  if (child.stdout === null) throw new Error('no pipe');
  const [shown, [code]] = await Promise.all([text(child.stdout), once(child, 'close') as Promise<[number | null]>]);
  return { code, shown };
};

const suite = (host: HostileHost): string =>
  JSON.stringify({
    suite: 'hostile',
    hosts: { sut: host.sshd.spec() },
    contexts: { metal: { type: 'bare-metal', host: 'sut', tuning: { knobs: { 'stat-interval': 7 } } } },
    tests: ['1ms', '3ms'].map((interval) => ({
      name: `timer-${interval}`,
      scenario: 'timer',
      context: 'metal',
      options: { cpus: 0, loops: 200, interval, histogram: '20ms', break: 'none' },
      sla: ['max <= 1ns'],
    })),
  });

/** What a suite may have in a path: control characters are refused there. */
const inPath = 'HOSTILE\u202Etxt\u2066\u200B##[group]';

/** Nothing runs of it: `plan` shows what is written. */
const written = JSON.stringify({
  suite: 'written',
  hosts: { sut: { address: 'sut.invalid' } },
  contexts: {
    guest: { type: 'kvm-guest', host: 'sut', image: { file: `/srv/${inPath}.img`, sha256: 'ab'.repeat(32) }, vcpus: 2 },
  },
  tests: [{ name: 'timer', scenario: 'timer', context: 'guest', sla: ['max <= 1ms'] }],
});

/** A suite whose every word is hostile, itself a text file. */
const wrong = JSON.stringify({ suite: words, [words]: { [words]: words }, tests: words }).replaceAll(
  /[\u007F-\uFFFF]/g,
  (unit) => String.raw`\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
);

/** It was there to be shown, and is, escaped. */
const arrived = /(?:\\x|\\u00)1b\[44mHOSTILE/;

describe('words of a hostile machine', function () {
  this.timeout(240_000);
  let host: HostileHost;
  let directory = '';
  let run = '';

  before(async function () {
    if (process.getuid?.() !== 0) this.skip();
    await built();
    directory = mkdtempSync(join(tmpdir(), 'kvm4nfv-hostile-cli-'));
    host = await startHostileHost();
    await writeFile(join(directory, 'suite.yaml'), suite(host));
    await writeFile(join(directory, 'written.yaml'), written);
    await writeFile(join(directory, 'wrong.yaml'), wrong);
    await writeFile(join(directory, 'broken.yaml'), `suite: "${lines}\n  ${words}: [\0`);
    await writeFile(join(directory, `${words.replaceAll('/', '_').slice(0, 60)}.yaml`), words);
    await cli(['run', 'suite.yaml'], { cwd: directory });
    [run] = some('run', await readdir(join(directory, 'results')));
    // A run that was killed: its last events are not there, and something of it says nothing good.
    const killed = join(directory, 'killed', run);
    await mkdir(killed, { recursive: true });
    const events = (await readFile(join(directory, 'results', run, 'events.ndjson'), 'utf8')).split('\n');
    await writeFile(join(killed, 'events.ndjson'), events.slice(0, -3).join('\n'));
    await mkdir(join(directory, 'bad', run), { recursive: true });
    await writeFile(join(directory, 'bad', run, 'events.ndjson'), `${words}\n${words}\n`);
  });
  after(async () => {
    await host[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true, force: true });
  });

  const named = `${words.replaceAll('/', '_').slice(0, 60)}.yaml`;
  const at = ['sut', '--suite', 'suite.yaml'];
  const commands: readonly (readonly [command: string, argv: () => readonly string[], arrives?: boolean | RegExp])[] = [
    ['run', () => ['run', 'suite.yaml'], true],
    ['run --json', () => ['run', 'suite.yaml', '--json'], true],
    ['report', () => ['report', `results/${run}`], true],
    ['report --json', () => ['report', `results/${run}`, '--json'], true],
    ['report of a killed run', () => ['report', `killed/${run}`], true],
    ['report of what is no run', () => ['report', `bad/${run}`], /HOSTILE/],
    ['report of a name', () => ['report', words], true],
    ['cleanup', () => ['cleanup', '-o', 'killed']],
    ['cleanup of one run', () => ['cleanup', '-o', 'killed', '--run', run]],
    ['cleanup of a name', () => ['cleanup', '--run', words], true],
    ['doctor', () => ['doctor', ...at], true],
    ['doctor --markdown', () => ['doctor', ...at, '--markdown'], true],
    ['doctor --json', () => ['doctor', ...at, '--json'], true],
    ['tune show', () => ['tune', 'show', ...at, '--profile', 'realtime-host', '--isolated', '1'], true],
    ['tune plan', () => ['tune', 'plan', ...at, '--profile', 'realtime-host', '--isolated', '1'], true],
    ['tune verify', () => ['tune', 'verify', ...at, '--set', 'transparent-hugepages=never'], true],
    ['tune apply', () => ['tune', 'apply', ...at, '--set', `stat-interval=${words}`], true],
    ['tune restore', () => ['tune', 'restore', ...at], true],
    ['image list', () => ['image', 'list', '--host', ...at], true],
    ['image remove', () => ['image', 'remove', words, '--host', ...at], true],
    ['image build', () => ['image', 'build', words, '--host', ...at], true],
    ['plan', () => ['plan', 'written.yaml'], /HOSTILE\\u202etxt/],
    ['plan --json', () => ['plan', 'written.yaml', '--json']],
    ['validate of mistakes', () => ['validate', 'wrong.yaml'], true],
    ['validate --json', () => ['validate', 'wrong.yaml', '--json'], true],
    ['validate of what is no YAML', () => ['validate', 'broken.yaml'], true],
    ['validate of a file with such a name', () => ['validate', named], true],
    ['list of a name', () => ['list', words], true],
    ['list --plugin', () => ['list', '--plugin', words], true],
    ['schema --plugin', () => ['schema', '--plugin', words], true],
    ['docs of a name', () => ['docs', words], true],
    ['a command', () => [words], true],
    ['an option', () => ['run', `--${words}`], true],
    ['a value of an option', () => ['run', 'suite.yaml', '--shard', words], true],
    ['lab --option', () => ['lab', 'up', '--option', words], true],
    ['lab --name', () => ['lab', 'down', '--name', words], true],
  ];
  for (const [command, argv, arrives = false] of commands)
    it(`act on nobody who calls ${command}`, async () => {
      for (const stream of drawing.includes(command) ? [...streams, ...moreStreams] : streams) {
        const { code, shown } = await shownBy(argv(), directory, stream);
        expect(actsIn(shown, stream), `${stream.name}: ${shown.slice(0, 2000)}`).to.equal(undefined);
        expect(shown).to.not.match(stackTrace);
        expect(code).to.be.oneOf([0, 1, 2, 3, 4, 5, 6]);
        if (arrives !== false) expect(shown, stream.name).to.match(arrives === true ? arrived : arrives);
        expect(shown.length).to.be.lessThan(3_000_000);
      }
    });

  for (const argv of [['lab', 'list'], ['lab', 'list', '--json'], ['doctor'], ['image', 'list'], ['tune', 'restore']])
    it(`act on nobody who calls ${argv.join(' ')} on it`, async () => {
      for (const stream of streams) {
        const { shown } = await shownBy(argv, directory, stream, host.inside);
        expect(actsIn(shown, stream), `${stream.name}: ${shown.slice(0, 2000)}`).to.equal(undefined);
        expect(shown, stream.name).to.match(arrived);
      }
    });

  it('are in the files of the run as they were said, and act on nobody who prints these', async () => {
    const files = await Promise.all(
      ['events.ndjson', 'result.json'].map((file) => readFile(join(directory, 'results', run, file), 'utf8')),
    );
    for (const file of files) {
      expect(actsIn(file, { colours: false, terminal: false })).to.equal(undefined);
      expect(file).to.include(String.raw`\u001b[44mHOSTILE`);
    }
    const [, result = ''] = files;
    expect(JSON.stringify(JSON.parse(result))).to.include(JSON.stringify(words).slice(1, -1));
  });
});
