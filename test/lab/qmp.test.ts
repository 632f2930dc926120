import { spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { localHost } from '../../lib/host/local.js';
import { parseMessage, Qmp } from '../../lib/lab/qmp.js';
import { refusal } from './refusal.js';
import { eventually } from '../support/eventually.js';
import { begin } from '../support/begin.js';

describe('The client of QEMU’s monitor', function () {
  const host = localHost();
  const directory = mkdtempSync(join(tmpdir(), 'kvm4nfv-qmp-'));
  const path = join(directory, 'qmp.sock');
  let qemu: ChildProcess;
  let monitor: Qmp;

  before(function () {
    if (spawnSync('qemu-system-x86_64', ['--version']).status !== 0) this.skip();
  });
  after(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  beforeEach(async () => {
    const argv = ['-M', 'none', '-nodefaults', '-display', 'none', '-S', '-qmp', `unix:${path},server=on,wait=off`];
    qemu = begin('qemu-system-x86_64', argv, { stdio: 'ignore' });
    monitor = await eventually('the monitor of QEMU', () => Qmp.connect(host, path));
  });
  afterEach(async () => {
    await monitor[Symbol.asyncDispose]();
    if (qemu.exitCode === null && qemu.signalCode === null) {
      const ended = once(qemu, 'exit');
      qemu.kill('SIGKILL');
      await ended;
    }
    rmSync(path, { force: true });
  });

  it('gives what commands return, those too that were sent at once', async () => {
    const [version, status] = await Promise.all([monitor.execute('query-version'), monitor.execute('query-status')]);
    expect(version).to.have.nested.property('qemu.major').that.is.a('number');
    expect(status).to.have.property('running', false);
  });

  it('gives errors in QEMU’s words', async () => {
    expect(await refusal(monitor.execute('no-such-command'))).to.match(/no-such-command.*has not been found/);
    expect(await monitor.execute('query-status')).to.have.property('status');
  });

  it('hears events, and a lost monitor fails whoever waits and whoever asks later', async () => {
    const shutdown = monitor.event(({ event }) => event === 'SHUTDOWN');
    const never = refusal(monitor.event(({ event }) => event === 'NO_SUCH_EVENT'));
    await monitor.execute('quit');
    expect((await shutdown).data).to.have.property('guest', false);
    expect(await never).to.match(/closed its monitor/);
    expect(await refusal(monitor.execute('query-status'))).to.match(/closed its monitor/);
  });

  it('keeps its deadline and can be interrupted', async () => {
    expect(await refusal(monitor.event(() => false, { timeout: 20 }))).to.match(/no answer within 0.02 s/);
    const control = new AbortController();
    const waiting = refusal(monitor.event(() => false, { signal: control.signal }));
    control.abort();
    expect(await waiting).to.match(/interrupted/);
  });

  it('knows a message from other text', () => {
    expect(parseMessage('{"return": {}, "id": "1"}')).to.have.property('id', '1');
    for (const other of ['', 'qemu: error', '{', '[1]', '3']) expect(parseMessage(other)?.id, other).to.be.undefined;
  });
});
