import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { localHost } from '../../lib/host/local.js';
import { assertLocalTrusted, UntrustedError } from '../../lib/host/trust.js';
import { trustFunctions } from '../../lib/host/trust-script.js';
import { journalOf } from '../../lib/tuning/journal.js';
import { restoreRun } from '../../lib/tuning/restore.js';
import { rejection } from '../support/rejection.js';

const nobody = 65_534;

describe('A directory of ours', function () {
  this.timeout(60_000);
  const host = localHost('local');
  let base: string;
  const at = (...parts: readonly string[]): string => join(base, ...parts);

  const call = async (
    name: 'trust' | 'remove',
    ...args: readonly string[]
  ): Promise<readonly [number | undefined, string]> => {
    const argv = ['sh', '-c', `${trustFunctions}\n${name} "$@"`, 'sh', ...args];
    const { exitCode, stderr } = await host.exec(argv, { check: false });
    return [exitCode, stderr.trim()];
  };
  const untrusted = (why: string): readonly [number, string] => [77, `${why}, so it is not trusted`];

  before(function () {
    if (process.geteuid?.() !== 0) this.skip();
  });

  beforeEach(() => {
    base = mkdtempSync(join(tmpdir(), 'trust-'));
    mkdirSync(at('shared'));
    chmodSync(at('shared'), 0o1777);
    mkdirSync(at('victim'));
    writeFileSync(at('victim', 'important'), 'important');
  });
  afterEach(() => {
    rmSync(base, { recursive: true });
  });

  it('is made with those above it, has the mode that was asked for, and is found again', async () => {
    expect(await call('trust', at('shared/a/b c'))).to.deep.equal([66, '']);
    expect(await call('trust', at('shared/a/b c'), '711')).to.deep.equal([0, '']);
    expect([at('shared/a'), at('shared/a/b c')].map((path) => statSync(path).mode & 0o7777)).to.deep.equal([
      0o711, 0o711,
    ]);
    expect(await call('trust', at('shared/a/b c'))).to.deep.equal([0, '']);
    expect(await call('remove', at('shared/a'))).to.deep.equal([0, '']);
    expect(existsSync(at('shared/a'))).to.equal(false);
    expect(await call('remove', at('shared/a'))).to.deep.equal([0, '']);
  });

  it('is made once by many at a time', async () => {
    const made = await Promise.all(Array.from({ length: 12 }, () => call('trust', at('shared/a/b/c'), '700')));
    expect(made).to.deep.equal(made.map(() => [0, '']));
  });

  it('of somebody else is none of ours, nor is what is in it', async () => {
    mkdirSync(at('shared/a/b'), { recursive: true });
    chownSync(at('shared/a'), nobody, nobody);
    const why = untrusted(`${at('shared/a')} belongs to user 65534`);
    for (const path of ['shared/a', 'shared/a/b', 'shared/a/c'])
      for (const mode of [[], ['700']]) expect(await call('trust', at(path), ...mode)).to.deep.equal(why);
    expect(await call('remove', at('shared/a/b'))).to.deep.equal(why);
    expect(existsSync(at('shared/a/b'))).to.equal(true);
    expect(existsSync(at('shared/a/c'))).to.equal(false);
  });

  it('is no link, nor reached through one where others can make some', async () => {
    symlinkSync(at('victim'), at('shared/a'));
    const why = untrusted(`${at('shared/a')} is a link`);
    for (const path of ['shared/a', 'shared/a/b']) {
      expect(await call('trust', at(path), '1777')).to.deep.equal(why);
      expect(await call('remove', at(path))).to.deep.equal(why);
    }
    expect(statSync(at('victim')).mode & 0o7777).to.equal(0o755);
    expect(readFileSync(at('victim/important'), 'utf8')).to.equal('important');
    expect(lstatSync(at('shared/a')).isSymbolicLink()).to.equal(true);
  });

  it('may be reached through a link that only root can make, to a place that counts as any other', async () => {
    symlinkSync(at('shared'), at('to-shared'));
    expect(await call('trust', at('to-shared/a'), '700')).to.deep.equal([0, '']);
    symlinkSync(at('victim'), at('shared/b'));
    expect(await call('trust', at('to-shared/b/c'), '700')).to.deep.equal(untrusted(`${at('to-shared/b')} is a link`));
    mkdirSync(at('theirs'));
    chownSync(at('theirs'), nobody, nobody);
    symlinkSync(at('theirs'), at('to-theirs'));
    expect(await call('trust', at('to-theirs/a'), '700')).to.deep.equal(
      untrusted(`${at('theirs')} belongs to user 65534`),
    );
    expect(existsSync(at('theirs/a'))).to.equal(false);
  });

  it('is in none that others can write to, unless that is sticky', async () => {
    mkdirSync(at('shared/a'));
    for (const mode of [0o777, 0o757, 0o775]) {
      chmodSync(at('shared'), mode);
      if (mode === 0o775) chownSync(at('shared'), 0, nobody);
      const why = untrusted(`others can write to ${at('shared')}`);
      expect(await call('trust', at('shared/a')), mode.toString(8)).to.deep.equal(why);
      expect(await call('remove', at('shared/a'))).to.deep.equal(why);
      expect(await call('trust', at('shared/b'), '700')).to.deep.equal(why);
    }
    expect(existsSync(at('shared/a'))).to.equal(true);
    expect(existsSync(at('shared/b'))).to.equal(false);
  });

  it('that earlier versions shared with all is ours alone from now on; what anybody could rename is not', async () => {
    mkdirSync(at('shared/a'));
    chmodSync(at('shared/a'), 0o1777);
    expect(await call('trust', at('shared/a'), '711')).to.deep.equal([0, '']);
    expect(statSync(at('shared/a')).mode & 0o7777).to.equal(0o711);
    chmodSync(at('shared/a'), 0o777);
    expect(await call('trust', at('shared/a'), '711')).to.deep.equal(
      untrusted(`others can write to ${at('shared/a')}`),
    );
  });

  it('is no file and no FIFO', async () => {
    writeFileSync(at('shared/a'), '');
    expect(await call('trust', at('shared/a'), '700')).to.deep.equal(untrusted(`${at('shared/a')} is no directory`));
    expect(await call('trust', at('shared/a/b'), '700')).to.deep.equal(untrusted(`${at('shared/a')} is no directory`));
  });

  it('holds the journals whose undoing root runs, and nobody else has written these', async () => {
    const entry = {
      version: 1,
      run: 'run-1',
      boot: (await host.read('/proc/sys/kernel/random/boot_id')).trim(),
      knob: 'k',
      label: 'k',
      change: { kind: 'after-undo', argv: ['touch', at('owned')] },
    };
    mkdirSync(at('shared/a/journal'), { recursive: true });
    writeFileSync(journalOf('run-1', at('shared/a')), `${JSON.stringify(entry)}\n`);
    chownSync(at('shared/a'), nobody, nobody);
    const error = await rejection(restoreRun(host, 'run-1', { directory: at('shared/a') }));
    expect(error).to.be.instanceOf(UntrustedError).and.to.have.property('fault', 'environment');
    expect(existsSync(at('owned'))).to.equal(false);
    chownSync(at('shared/a'), 0, 0);
    expect(await restoreRun(host, 'run-1', { directory: at('shared/a') })).to.have.property('complete', true);
    expect(existsSync(at('owned'))).to.equal(true);
  });

  it('on this machine is checked alike', async () => {
    await assertLocalTrusted(at('shared'));
    for (const mode of [0o777, 0o755]) {
      chmodSync(at('shared'), mode);
      if (mode === 0o755) chownSync(at('shared'), nobody, nobody);
      expect(await rejection(assertLocalTrusted(at('shared')))).to.be.instanceOf(UntrustedError);
    }
  });
});
