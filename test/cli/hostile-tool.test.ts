import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { eventually } from '../support/eventually.js';
import { some } from '../support/some.js';
import { built, eventsIn, inDirectory, leftOf, onlyResult, runsIn, stackTrace } from './cli.js';
import { honest, runHostile, startHostile } from './hostile-tool.js';

const mebibyte = 2 ** 20;
const cut = (file: string): RegExp =>
  new RegExp(`${file}\\.\\w+: \\d+ bytes were written, of which the first and the last`);

interface Hostile {
  readonly what: string;
  readonly script: string;
  readonly verdict: 'pass' | 'error' | 'no-data';
  readonly reason?: RegExp;
  /** What its notes say was cut. */
  readonly cut?: RegExp;
}

const table: readonly Hostile[] = [
  { what: 'is honest', script: 'sleep 0.35; cat "$honest" >cyclictest.json', verdict: 'pass' },
  {
    what: 'writes its result under another name and links to it',
    script: 'sleep 0.35; cat "$honest" >other; ln -s other cyclictest.json',
    verdict: 'pass',
  },
  {
    what: 'leaves a FIFO as its result',
    script: 'mkfifo cyclictest.json',
    verdict: 'error',
    reason: /cyclictest: its cyclictest\.json can't be taken: it is a fifo and no regular file/,
  },
  {
    what: 'links its result to /dev/zero',
    script: 'ln -s /dev/zero cyclictest.json',
    verdict: 'error',
    reason: /its cyclictest\.json can't be taken: it is a link that leads out of/,
  },
  {
    what: 'makes a device of its result',
    script: 'mknod cyclictest.json c 1 5',
    verdict: 'error',
    reason: /it is a character special file and no regular file/,
  },
  {
    what: 'links its result to what only root may read',
    script: 'ln -s /etc/shadow cyclictest.json',
    verdict: 'error',
    reason: /it is a link that leads out of/,
  },
  {
    what: 'links its result to itself',
    script: 'ln -s cyclictest.json cyclictest.json',
    verdict: 'error',
    reason: /cyclictest\.json/,
  },
  {
    what: 'makes a directory of its result',
    script: 'mkdir cyclictest.json',
    verdict: 'error',
    reason: /it is a directory and no regular file/,
  },
  {
    what: 'links its result to an honest one elsewhere',
    script: 'ln -s "$honest" cyclictest.json',
    verdict: 'error',
    reason: /it is a link that leads out of/,
  },
  {
    what: 'writes a line of 50 MB to stderr and fails',
    script: 'head -c 50000000 /dev/zero | tr "\\0" x >&2; exit 1',
    verdict: 'error',
    reason: /cyclictest: exit 1 without a result: x+ \[\.\.\. \d+ characters left out \.\.\.\] x+$/,
  },
  {
    what: 'writes 300 MB to stdout and fails',
    script: 'head -c 300000000 /dev/zero | tr "\\0" y; echo; echo the end; exit 1',
    verdict: 'error',
    reason: /cyclictest: exit 1 without a result: .*the end$/s,
    cut: cut('stdout'),
  },
  {
    what: 'writes a result of 200 MB',
    script: 'head -c 200000000 /dev/zero | tr "\\0" y >cyclictest.json',
    verdict: 'error',
    reason: /cyclictest\.json: 200000000 bytes were written, of which the first and the last \d+ are kept/,
    cut: cut('cyclictest'),
  },
  {
    what: 'writes a result of brackets',
    script: '{ printf "["; head -c 500000 /dev/zero | sed "s/\\x0/[],/g"; printf "1]"; } >cyclictest.json',
    verdict: 'error',
    reason: /its result is/,
  },
  {
    what: 'writes a result that is all nesting',
    script: 'head -c 1500000 /dev/zero | tr "\\0" "[" >cyclictest.json',
    verdict: 'error',
    reason: /its result is no JSON/,
  },
  {
    what: 'writes NULs around its result',
    script: '{ printf "\\0\\0"; cat "$honest"; } >cyclictest.json',
    verdict: 'error',
    reason: /its result is no JSON/,
  },
  {
    what: 'puts a link to /etc/shadow in the place of its stdout',
    script: 'rm -f stdout; ln -s /etc/shadow stdout; exit 1',
    verdict: 'error',
    reason: /its stdout can't be taken: it is a link that leads out of/,
  },
  {
    what: 'puts a FIFO in the place of its stdout',
    script: 'sleep 0.35; cat "$honest" >cyclictest.json; rm -f stdout; mkfifo stdout',
    verdict: 'error',
    reason: /output of \S+: local: can't read \S+\/stdout: it is a fifo and no regular file/,
  },
  {
    what: 'removes its stderr, where its warnings would be',
    script: 'cat "$honest" >cyclictest.json; rm -f stderr',
    verdict: 'error',
    reason: /its stderr can't be taken: No such file or directory/,
  },
  {
    what: 'puts a FIFO where its status is written',
    script: 'cat "$honest" >cyclictest.json; mkfifo status.new status; exit 3',
    verdict: 'error',
    reason: /cyclictest: exit 3 without a result/,
  },
  {
    what: 'says by itself how it ended',
    script: 'cat "$honest" >cyclictest.json; echo "0 1 2 3" >status; exit 3',
    verdict: 'error',
    reason: /cyclictest: exit 3 without a result/,
  },
  {
    what: 'puts a FIFO in the place of the lock',
    script: 'cat "$honest" >cyclictest.json; rm -f lock; mkfifo lock',
    verdict: 'error',
    reason: /its directory \S+ is gone/,
  },
  {
    what: 'puts all processes in the place of its own',
    script: 'cat "$honest" >cyclictest.json; echo 1 >pid; exit 1',
    verdict: 'error',
    reason: /exit 1 without a result/,
  },
];

describe('a hostile tool', function () {
  this.timeout(300_000);
  before(built);

  it('ends soon, is never believed, and fills neither memory nor disk, whatever it leaves', async () => {
    await inDirectory(async (directory) => {
      const run = await runHostile(
        directory,
        table.map(({ script }) => script),
      );
      expect(run.stdout + run.stderr).to.not.match(stackTrace);
      for (const [index, { what, verdict, reason, cut: cutIn }] of table.entries()) {
        const test = run.result.tests[index];
        const said = test?.reasons.join('\n') ?? '';
        expect(test?.verdict, `${what}: ${said}`).to.equal(verdict);
        if (reason !== undefined) expect(said, what).to.match(reason);
        const notes = test?.trials[0]?.notes['cut'] ?? '';
        if (cutIn === undefined) expect(notes, what).to.equal('');
        else expect(notes, what).to.match(cutIn);
        const times = some('trial', test?.trials ?? []).map(
          ({ startedAt, endedAt }) => Date.parse(endedAt) - Date.parse(startedAt),
        );
        for (const time of times) expect(time, what).to.be.lessThan(60_000);
      }
      expect(run.code).to.equal(5);
      expect(run.stdout.length).to.be.lessThan(60_000);
      expect(run.memory).to.be.lessThan(300);
      // Of 300 MB, 200 MB, 50 MB and 30 MB.
      expect(run.disk).to.be.lessThan(64 * mebibyte + 16 * mebibyte + 100 * mebibyte);
      expect(await leftOf(run.result.runId)).to.deep.equal([]);
      const shadow = (await readFile('/etc/shadow', 'utf8')).split('\n')[0] ?? '';
      const files = await readdir(join(directory, 'results'), { recursive: true, withFileTypes: true });
      for (const file of files.filter((entry) => entry.isFile() && entry.name.startsWith('stdout')))
        expect((await readFile(join(file.parentPath, file.name))).includes(shadow), file.name).to.equal(false);
    });
  });

  it('is ended by SIGTERM in bounded time while its output is being fetched', async () => {
    await inDirectory(async (directory) => {
      const going = await startHostile(directory, [
        `head -c 2000000000 /dev/zero; cat "$honest" >cyclictest.json; exit 1`,
        `printf '%s' '${honest}' >cyclictest.json`,
      ]);
      await eventually('output to be fetched', async () => {
        const names = await readdir(join(directory, 'results'), { recursive: true }).catch(() => []);
        return names.some((name) => name.endsWith('.part'));
      });
      const asked = Date.now();
      going.kill('SIGTERM');
      const { code } = await going.ended;
      expect(Date.now() - asked).to.be.lessThan(60_000);
      expect([130, 143]).to.include(code);
      const { runId } = await onlyResult(directory);
      expect(await leftOf(runId)).to.deep.equal([]);
      expect(await runsIn(directory)).to.have.length(1);
      expect((await eventsIn(directory, runId)).length).to.be.greaterThan(2);
    });
  });
});
