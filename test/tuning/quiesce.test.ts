import { once } from 'node:events';
import { access, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { localHost } from '../../lib/host/local.js';
import { batchScript } from '../../lib/tuning/batch-script.js';
import { encodeBatch } from '../../lib/tuning/batch.js';
import { encodeEntry, journalOf, type Change } from '../../lib/tuning/journal.js';
import { restoreRun } from '../../lib/tuning/restore.js';
import { begin } from '../support/begin.js';
import { eventually } from '../support/eventually.js';

const run = 'test-quiesce';
/** Writes a value after a while, and tells when it begins and ends. */
const slow = 'echo begin >> "$2"; sleep 2; echo "$3" > "$1"; echo end >> "$2"';

const appears = async (file: string): Promise<void> => {
  await eventually(file, async () => {
    await access(file);
    return true;
  });
};

describe('a restore that comes while a dead controller still has a command under way', function () {
  this.timeout(60_000);
  const host = localHost();
  let directory = '';
  const value = (): string => path.join(directory, 'value');
  const log = (): string => path.join(directory, 'log');
  const change = (): Change => ({
    kind: 'action',
    place: { kind: 'command', argv: ['cat', value()] },
    aspect: 'number',
    before: '1\n',
    after: '5',
    argv: ['sh', '-c', slow, 'sh', value(), log(), '5'],
    undo: ['sh', '-c', slow, 'sh', value(), log(), '1'],
  });
  const entry = (): string =>
    encodeEntry({
      version: 1,
      run,
      boot: '',
      knob: 'slow',
      label: 'value',
      change: { ...change(), persists: true } as Change,
    });

  before(function () {
    if (process.getuid?.() !== 0) this.skip();
  });
  beforeEach(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'kvm4nfv-quiesce-'));
    await mkdir(path.join(directory, 'journal'));
    await writeFile(path.join(directory, 'lease'), `${JSON.stringify({ run })}\n`);
    await writeFile(value(), '1\n');
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it('waits for a command of applying, and undoes what it did', async () => {
    const journal = journalOf(run, directory);
    const batch = begin('sh', ['-c', batchScript, 'kvm4nfv-batch', '=of-the-dead=', journal], {
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    const ended = once(batch, 'exit');
    const action = { kind: 'run', argv: ['sh', '-c', slow, 'sh', value(), log(), '5'] } as const;
    const tooLate = { kind: 'run', argv: ['sh', '-c', 'echo 7 > "$1"', 'sh', value()] } as const;
    batch.stdin.end(encodeBatch({ journal, record: [entry()], actions: [action, tooLate] }));
    await appears(log());
    const { places, complete } = await restoreRun(host, run, { directory });
    expect({ complete, fates: places.map(({ fate }) => fate) }).to.deep.equal({ complete: true, fates: ['restored'] });
    expect(await ended).to.deep.equal([null, 'SIGTERM']);
    expect((await readFile(value(), 'utf8')).trim()).to.equal('1');
    expect((await readFile(log(), 'utf8')).trim().split('\n')).to.deep.equal(['begin', 'end', 'begin', 'end']);
  });

  it('waits for a command of an earlier restore, and does not begin it again', async () => {
    await writeFile(journalOf(run, directory), `${entry()}\n`);
    await writeFile(value(), '5\n');
    const script = fileURLToPath(new URL('./killed-restore.ts', import.meta.url));
    const controller = begin(process.execPath, ['--import', 'tsx', script, run, directory], { stdio: 'inherit' });
    const ended = once(controller, 'exit');
    await appears(log());
    controller.kill('SIGKILL');
    await ended;
    const { places } = await restoreRun(host, run, { directory });
    expect(places.map(({ fate }) => fate)).to.deep.equal(['as-before']);
    expect((await readFile(log(), 'utf8')).trim().split('\n')).to.deep.equal(['begin', 'end']);
    expect((await readFile(value(), 'utf8')).trim()).to.equal('1');
  });
});
