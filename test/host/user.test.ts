import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { downloadFiles } from '../../lib/host/files.js';
import type { Host } from '../../lib/host/host.js';
import { openSshHost } from '../../lib/host/ssh/open.js';
import { startSshd, type Sshd } from '../support/sshd.js';
import { newRun, rejection } from './transports.js';

const run = promisify(execFile);

describe('An SSH host whose user is not root', function () {
  const name = `kvm4nfv-${randomUUID().slice(0, 8)}`;
  const sudoers = `/etc/sudoers.d/${name}`;
  let sshd: Sshd | undefined;
  let host: Host;
  let directory: string;

  before(async function () {
    // Making a user takes root.
    if (userInfo().uid !== 0) this.skip();
    directory = await mkdtemp(join(tmpdir(), 'kvm4nfv-user-'));
    await chmod(directory, 0o755);
    await run('useradd', ['--no-create-home', '--home-dir', directory, '--shell', '/bin/sh', '--password', '*', name]);
    await writeFile(sudoers, `${name} ALL=(root) NOPASSWD: ALL\n`, { mode: 0o440 });
    sshd = await startSshd();
    // sshd reads the authorized keys as the user.
    await chmod(sshd.directory, 0o755);
    await chmod(join(sshd.directory, 'authorized_keys'), 0o644);
    host = await openSshHost('node1', sshd.spec({ user: name }));
  });

  after(async () => {
    if (sshd === undefined) return;
    await host[Symbol.asyncDispose]();
    await sshd[Symbol.asyncDispose]();
    await rm(sudoers, { force: true });
    await run('userdel', [name]);
    await rm(directory, { recursive: true, force: true });
  });

  it('has the output of a job of root, one file or all in one go, and none of it otherwise', async () => {
    await using job = await host.start({
      run: newRun(),
      name: 'roots',
      argv: ['sh', '-c', 'id -u; echo said >&2; printf "\\n\\n1\\0two" >odd'],
      root: true,
    });
    await job.wait({ timeout: 30_000 });
    const remote = (file: string) => `${job.directory}/${file}`;
    const here = (file: string) => join(directory, file);
    expect(await rejection(host.download(remote('stdout'), here('refused')))).to.have.property('fault', 'environment');
    await host.download(remote('stdout'), here('one'), { root: true });
    expect(await readFile(here('one'), 'utf8')).to.equal('0\n');
    const names = ['stdout', 'stderr', 'odd'];
    await downloadFiles(
      host,
      names.map((file) => [remote(file), here(file)] as const),
      { root: true },
    );
    const texts = await Promise.all(names.map((file) => readFile(here(file), 'latin1')));
    expect(texts).to.deep.equal(['0\n', 'said\n', '\n\n1\0two']);
    const missing = [
      [remote('stdout'), here('a')],
      [remote('absent'), here('b')],
    ] as const;
    expect(await rejection(downloadFiles(host, missing, { root: true })))
      .to.have.property('message')
      .that.matches(/^node1: can't read .*absent: No such file/s);
    await rejection(readFile(here('a')));
  });
});
