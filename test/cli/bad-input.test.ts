import { existsSync } from 'node:fs';
import { chmod, mkdir, open, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { built, cli, inDirectory, root, stackTrace, suiteOf, type Ended } from './cli.js';

const good = suiteOf();
const tests = (text: string): string => `suite: x\ncontexts: { metal: { type: bare-metal } }\ntests:\n${text}\n`;
const one = (rest: string): string => tests(`  - { name: timer, scenario: timer, context: metal, ${rest} }`);

interface Row {
  readonly what: string;
  readonly text: string;
  readonly expected: readonly RegExp[];
}

const rows: readonly Row[] = [
  {
    what: 'an unknown key',
    text: one('optons: { interval: 1ms }'),
    expected: [/^suite\.yaml:4:53: error: unknown key 'optons'/m, /\^{6}/, /did you mean 'options'/],
  },
  {
    what: 'an unknown option',
    text: one('options: { intervall: 1ms }'),
    expected: [/^suite\.yaml:4:64: error: /m, /did you mean 'interval'/],
  },
  {
    what: 'a wrong type',
    text: one('options: { threads: many }'),
    expected: [/^suite\.yaml:4:73: error: /m, /\^{4} expected /],
  },
  {
    what: 'a bad unit',
    text: one('options: { interval: 1parsec }'),
    expected: [/^suite\.yaml:4:74: error: .*1parsec/m, /\^{7}/],
  },
  {
    what: 'a bad unit in an SLA',
    text: one('sla: [p99 <= 20furlongs]'),
    expected: [/^suite\.yaml:4:\d+: error: /m, /furlongs/],
  },
  {
    what: 'an SLA on what nobody measures',
    text: one('sla: [loss <= 0]'),
    expected: [/^suite\.yaml:4:\d+: error: .*loss/m],
  },
  {
    what: 'duplicate names',
    text: tests('  - { name: t, scenario: timer, context: metal }\n  - { name: t, scenario: timer, context: metal }'),
    expected: [/^suite\.yaml:5:\d+: error: .*'t'/m],
  },
  {
    what: 'a key that is there twice',
    text: `suite: x\n${good.replace('{', '').replace(/\}$/, '')}`,
    expected: [/^suite\.yaml:\d+:\d+: error: /m],
  },
  {
    what: 'a misspelt scenario',
    text: one('').replace('scenario: timer', 'scenario: tmer'),
    expected: [/did you mean 'timer'/],
  },
  {
    what: 'a context that is not there',
    text: one('').replace('context: metal', 'context: meta'),
    expected: [/did you mean 'metal'/],
  },
  {
    what: 'a tag that makes objects',
    text: 'suite: !!js/function "function () { process.exit(0) }"\n',
    expected: [/^suite\.yaml:1:8: error: unknown tag '!!js\/function'/m],
  },
  {
    what: 'an alias bomb',
    text: `suite: x\nparams:\n  a0: &a0 [x, x]\n${Array.from({ length: 40 }, (_, n) => `  a${String(n + 1)}: &a${String(n + 1)} [*a${String(n)}, *a${String(n)}]\n`).join('')}`,
    expected: [/^suite\.yaml:\d+:\d+: error: .*alias bomb/m],
  },
  {
    what: 'binary junk',
    text: 'suite: \u0000\u0001\u001b[2J\n',
    expected: [/^suite\.yaml:1:8: error: .*not a text file/m],
  },
  { what: 'broken YAML', text: 'suite: [x\ntests: ]\n  - :', expected: [/^suite\.yaml:\d+:\d+: error: /m] },
  { what: 'an empty file', text: '', expected: [/^suite\.yaml:1:1: error: the file is empty/m] },
  {
    what: 'an environment variable that is not set',
    text: one('tags: ["${env:KVM4NFV_NOT_SET}"]'),
    expected: [/^suite\.yaml:4:\d+: error: .*KVM4NFV_NOT_SET/m],
  },
  {
    what: 'a plug-in that is not there',
    text: `plugins: [./no-such.js]\n${tests('')}`,
    expected: [/^suite\.yaml:1:\d+: error: .*no-such\.js/m],
  },
  {
    what: 'several mistakes at once',
    text: one('optons: 1, tag: 2, sla: [max < ]'),
    expected: [/'optons'/, /'tag'/, /error: 3 mistakes; nothing was touched/],
  },
];

describe('bad input', function () {
  this.timeout(60_000);
  before(built);

  /** Exit 2, everything on stderr, no stack trace, nothing touched. */
  const refused = async (directory: string, file = 'suite.yaml', command = 'run'): Promise<string> => {
    const before = await readdir(directory, { recursive: true });
    const { code, stdout, stderr } = await cli([command, file], { cwd: directory });
    expect(code, stderr).to.equal(2);
    expect(stdout).to.equal('');
    expect(stderr)
      .to.match(/error: \d+ mistakes?; nothing was touched\n$/)
      .and.to.not.match(stackTrace);
    expect(stderr.length).to.be.lessThan(20_000);
    expect(await readdir(directory, { recursive: true })).to.deep.equal(before);
    return stderr;
  };

  for (const { what, text, expected } of rows)
    it(`is refused with its place: ${what}`, async () => {
      await inDirectory(async (directory) => {
        await writeFile(join(directory, 'suite.yaml'), text);
        const said = await refused(directory);
        for (const pattern of expected) expect(said).to.match(pattern);
      });
    });

  it('is refused by validate and by plan as by run', async () => {
    await inDirectory(async (directory) => {
      await writeFile(join(directory, 'suite.yaml'), one('optons: 1'));
      const said = await Promise.all(
        ['run', 'validate', 'plan'].map((command) => refused(directory, 'suite.yaml', command)),
      );
      expect(new Set(said).size).to.equal(1);
    });
  });

  it('is refused: a cycle of includes', async () => {
    await inDirectory(async (directory) => {
      await writeFile(join(directory, 'suite.yaml'), 'suite: x\ninclude: [other.yaml]\n');
      await writeFile(join(directory, 'other.yaml'), 'include: [suite.yaml]\n');
      expect(await refused(directory)).to.match(/^other\.yaml:1:\d+: error: .*suite\.yaml.*other\.yaml/m);
    });
  });

  it('is refused: a file of 50 MB, without reading it', async () => {
    await inDirectory(async (directory) => {
      const file = await open(join(directory, 'suite.yaml'), 'w');
      await file.write('# a comment\n'.repeat(5_000_000));
      await file.close();
      expect(await refused(directory)).to.match(/57\.2 MiB is too large: a suite file has at most 1 MiB/);
    });
  });

  it('is refused: random bytes', async () => {
    await inDirectory(async (directory) => {
      const junk = Buffer.from(Array.from({ length: 4096 }, (_, index) => (index * 7919 + (index >> 3) * 31) & 0xff));
      await writeFile(join(directory, 'suite.yaml'), junk);
      const said = await refused(directory);
      expect(said).to.match(/not a text file/);
      expect(said).to.not.match(/[^\n -\u{10FFFF}]/u);
    });
  });

  it('is refused: no file, a directory, a file in the place of a directory', async () => {
    await inDirectory(async (directory) => {
      expect(await refused(directory)).to.equal(
        "suite.yaml: error: can't be read: there is no such file or directory [E_FILE]\n\nerror: 1 mistake; nothing was touched\n",
      );
      expect(await refused(directory, '.')).to.match(/can't be read: it is a directory/);
      await writeFile(join(directory, 'file'), '');
      expect(await refused(directory, 'file/suite.yaml')).to.match(/can't be read: /);
    });
  });

  it('is refused: a file that the user may not read', async function () {
    if (process.getuid?.() !== 0) this.skip();
    await inDirectory(async (directory) => {
      await chmod(directory, 0o755);
      await writeFile(join(directory, 'suite.yaml'), good, { mode: 0o600 });
      const { code, stderr } = await cli(['run', 'suite.yaml'], { cwd: directory, uid: 65534 });
      // The sources may lie where that user may not look.
      if (stderr.includes('Cannot find module') || stderr.includes('EACCES: permission denied, open')) this.skip();
      expect([code, stderr]).to.deep.equal([
        2,
        "suite.yaml: error: can't be read: permission denied [E_FILE]\n\nerror: 1 mistake; nothing was touched\n",
      ]);
    });
  });

  it('ends with 3 where the results can not be put: a file is in the way', async () => {
    await inDirectory(async (directory) => {
      await writeFile(join(directory, 'suite.yaml'), good);
      await writeFile(join(directory, 'results'), '');
      const { code, stderr } = await cli(['run', 'suite.yaml'], { cwd: directory });
      expect(code).to.equal(3);
      expect(stderr)
        .to.match(/^error: can't make the run's directory \/.*\/results\/.*\n {2}help: .*--output/)
        .and.to.not.match(stackTrace);
    });
  });

  it('does not follow a name out of the directory of the run', async () => {
    await inDirectory(async (directory) => {
      await mkdir(join(directory, 'in'));
      await writeFile(
        join(directory, 'suite.yaml'),
        good.replace('"name":"timer"', '"name":"../../../escaped/$(touch pwned)"'),
      );
      const ended: Ended = await cli(['run', 'suite.yaml', '--output', 'in'], { cwd: directory });
      expect([0, 2]).to.include(ended.code, ended.stderr);
      expect(await readdir(directory)).to.have.members(['in', 'suite.yaml']);
      expect(existsSync(join(root, 'pwned'))).to.equal(false);
    });
  });
});
