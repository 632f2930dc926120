import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { localHost } from '../../lib/host/local.js';
import { batchScript } from '../../lib/tuning/batch-script.js';
import { encodeBatch, parseBatch, runBatch, type Batch } from '../../lib/tuning/batch.js';
import { encodeEntry, journalOf, parseJournal, type JournalEntry } from '../../lib/tuning/journal.js';
import { dropScript } from '../../lib/tuning/lease.js';
import { text } from '../../lib/tuning/reading.js';
import { rejection } from '../support/rejection.js';

const entry: JournalEntry = {
  ...{ version: 1, run: 'run-1', boot: 'b', knob: 'k', label: 'l' },
  change: { kind: 'value', path: '/x', aspect: 'number', before: '1', after: '2' },
};

describe('who may change a host', function () {
  const host = localHost();
  let directory = '';
  const value = (): string => path.join(directory, 'value');
  const batch = (run: string): Batch => ({
    journal: journalOf(run, directory),
    record: [encodeEntry({ ...entry, run })],
    actions: [{ kind: 'write', path: value(), text: 'changed' }],
  });

  before(function () {
    if (process.getuid?.() !== 0) this.skip();
  });
  beforeEach(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'kvm4nfv-ownership-'));
    await writeFile(value(), 'as before');
    await writeFile(path.join(directory, 'lease'), '{"run":"run-1"}\n');
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  for (const run of ['run-2', 'run-', 'run-11', 'un-1'])
    it(`is not ${run} where run-1 has the lease`, async () => {
      const error = await rejection(runBatch(host, batch(run)));
      expect(String(error)).to.contain('the run does not hold the lease of the host, so nothing was changed');
      expect(await readFile(value(), 'utf8')).to.equal('as before');
      expect(await readFile(journalOf(run, directory), 'utf8').catch(() => '')).to.equal('');
    });

  it('is the run that has the lease, with any of its journals', async () => {
    const journal = journalOf('run-1', directory).replace('.ndjson', '@000003-guest.ndjson');
    await runBatch(host, { ...batch('run-1'), journal });
    expect(await readFile(value(), 'utf8')).to.equal('changed');
    expect(parseJournal(await readFile(journal, 'utf8'), journal)).to.deep.equal([entry]);
  });

  it('is nobody whose lease was taken over meanwhile: that of another is not removed', async () => {
    const lease = path.join(directory, 'lease');
    const drop = (expected: string) =>
      host.exec(['sh', '-c', dropScript, 'kvm4nfv-lease', lease, expected], { check: false });
    expect((await drop('{"run":"run-2"}')).exitCode).to.equal(3);
    expect(await readFile(lease, 'utf8')).to.equal('{"run":"run-1"}\n');
    expect((await drop('{"run":"run-1"}')).exitCode).to.equal(0);
    expect(await readFile(lease, 'utf8').catch(() => 'gone')).to.equal('gone');
  });

  it('has the old value on the disk before it changes anything', async () => {
    const bin = path.join(directory, 'bin');
    await mkdir(bin);
    // Says what was to reach the disk, and how the value stood then.
    await writeFile(
      path.join(bin, 'sync'),
      `#!/bin/sh\nprintf '%s %s\\n' "$*" "$(cat ${value()})" >> ${directory}/log\n`,
    );
    await chmod(path.join(bin, 'sync'), 0o755);
    const sh = spawn('sh', ['-c', batchScript, 'kvm4nfv-batch', '=token=', journalOf('run-1', directory)], {
      env: { ...process.env, PATH: `${bin}:${process.env['PATH'] ?? ''}` },
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    sh.stdin.end(encodeBatch(batch('run-1')));
    expect(await once(sh, 'exit')).to.deep.equal([0, null]);
    const log = (await readFile(path.join(directory, 'log'), 'utf8')).trim().split('\n');
    const journal = journalOf('run-1', directory);
    expect(log).to.include.members([`${journal} as before`, `${path.dirname(journal)} as before`]);
    expect(await readFile(value(), 'utf8')).to.equal('changed');
  });
});

describe('what came back from a host in part', () => {
  it('is no answer, though all changes were answered', () => {
    const whole = '\n=t= r 0 0\n\n=t= F\n\n=t= z\n';
    const batch: Batch = { actions: [{ kind: 'write', path: '/x', text: '1' }], requests: [text('/y')] };
    expect(parseBatch(whole, '=t=', batch).outcomes).to.have.length(1);
    for (let length = 0; length < whole.length - 1; length += 1)
      expect(() => parseBatch(whole.slice(0, length), '=t=', batch), String(length)).to.throw('ended early');
  });

  it('is no entry of a journal where it was cut off within the line, wherever', () => {
    const line = `${encodeEntry(entry)}\n`;
    for (let length = 0; length < line.length; length += 1)
      expect(parseJournal(`${line}${line.slice(0, length)}`, 'j')).to.deep.equal([entry]);
    expect(() => parseJournal(`${line.slice(0, 20)}\n${line}`, 'j')).to.throw('j:1: not an entry of a journal');
  });
});
