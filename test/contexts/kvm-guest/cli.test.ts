import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { RunEvent } from '../../../lib/run/event.js';
import { localHost } from '../../../lib/host/local.js';
import { probeKvm } from '../../../lib/libvirt/kvm-probe.js';
import { built, Cli, cli, eventsIn, inDirectory, resultIn, runsIn, writeSuite } from '../../cli/cli.js';
import { noGuests } from './guests.js';
import { qemusOf, traces } from './traces.js';
import { eventually } from '../../support/eventually.js';

const patience = 10 * 60_000;

interface Asked {
  readonly guest?: object;
  readonly contexts?: object;
  readonly context?: string;
  readonly options?: object;
}

const quick = { tool: 'cyclictest', cpus: 0, loops: 200, histogram: '100ms', break: 'none' };
const endless = { ...quick, loops: 3_600_000 };

/** A suite of one guest and one test in it; the guest is the one that other tests have saved a state of. */
const suiteOf = ({ guest = {}, contexts = {}, context = 'guest', options = quick }: Asked): string =>
  JSON.stringify({
    suite: 'guest-cli',
    contexts: {
      guest: { type: 'kvm-guest', vcpus: 1, memory: '512MiB', boot_timeout: '10m', ...guest },
      ...contexts,
    },
    tests: [{ name: 'timer', scenario: 'timer', context, options }],
  });

interface Underway {
  readonly run: string;
  readonly token: string;
  readonly child: Cli;
  readonly directory: string;
}

let tokens = 0;

/** Starts a run and gives it once an event has come; everything that it starts inherits a token. */
const startUntil = async (
  directory: string,
  asked: Asked,
  reached: (event: RunEvent) => boolean,
): Promise<Underway> => {
  const file = await writeSuite(directory, suiteOf(asked));
  tokens += 1;
  const token = `kvm4nfv-test-${String(process.pid)}-${String(tokens)}`;
  const child = new Cli(['run', file], { cwd: directory, env: { KVM4NFV_TEST: token } });
  const there = await eventually(
    'the run to get there',
    async () => {
      const ended = child.child.exitCode !== null || child.child.signalCode !== null;
      const [run] = await runsIn(directory);
      if (run !== undefined && (await eventsIn(directory, run)).some(reached)) return { run };
      return ended && 'ended';
    },
    { within: patience },
  );
  if (there === 'ended') throw new Error(`the run ended before: ${JSON.stringify(await child.ended)}`);
  return { ...there, token, child, directory };
};

const stage =
  (text: string) =>
  (event: RunEvent): boolean =>
    event.type === 'context-stage' && event.stage.startsWith(text);

describe('A run with a guest', function () {
  this.timeout(30 * 60_000);

  before(async function () {
    const reason = await noGuests();
    if (reason !== undefined) {
      console.log(`    no guests: ${reason}`);
      this.skip();
    }
    await built();
  });

  it('measures in it and in a context on it, deploys them in order, takes them down in reverse', async () => {
    await inDirectory(async (directory) => {
      const contexts = {
        inner: { type: 'bare-metal', host: 'guest' },
        innermost: { type: 'bare-metal', host: 'inner' },
      };
      const file = await writeSuite(directory, suiteOf({ contexts, context: 'innermost' }));
      const { code, stderr, stdout } = await cli(['run', file], { cwd: directory });
      expect(code, stderr + stdout).to.equal(0);
      const [run = ''] = await runsIn(directory);
      const events = await eventsIn(directory, run);
      const of = (type: 'context-deployed' | 'context-destroyed'): string[] =>
        events.flatMap((event) => (event.type === type && 'context' in event ? [event.context] : []));
      expect(of('context-deployed')).to.deep.equal(['guest', 'inner', 'innermost']);
      expect(of('context-destroyed')).to.deep.equal(['innermost', 'inner', 'guest']);
      const result = await resultIn(directory, run);
      expect(result.tests[0]).to.include({ verdict: 'pass', context: 'innermost' });
      expect(result.contexts['guest']?.traits).to.include.keys('emulated', 'warm', 'bootId');
      const emulated = !(await probeKvm(localHost())).works;
      // What is in an emulated machine is emulated too.
      for (const name of ['guest', 'inner', 'innermost'])
        expect(result.contexts[name]?.traits['emulated'] ?? false, name).to.equal(emulated);
      if (emulated) expect(stdout).to.contain('innermost (emulated)');
      expect(await readdir(join(directory, 'results', run, 'contexts/guest'))).to.include('guest.xml');
      expect(traces(run)).to.deep.equal([]);
    });
  });

  it('ends with 3 and the reason where KVM is asked for and does not work', async function () {
    if ((await probeKvm(localHost())).works) this.skip();
    await inDirectory(async (directory) => {
      const file = await writeSuite(directory, suiteOf({ guest: { accelerator: 'kvm' } }));
      const { code, stdout, stderr } = await cli(['run', file], { cwd: directory });
      expect(code, stderr).to.equal(3);
      expect(stdout)
        .to.match(/local can't run guests with KVM: /)
        .and.to.contain("set 'accelerator: auto'");
      expect(traces(...(await runsIn(directory)))).to.deep.equal([]);
    });
  });

  it('ends in error when its QEMU is killed while a tool measures, and keeps console and document', async () => {
    await inDirectory(async (directory) => {
      const { run, child } = await startUntil(directory, { options: endless }, ({ type }) => type === 'trial-started');
      for (const pid of qemusOf(run)) process.kill(pid, 'SIGKILL');
      const { code } = await child.ended;
      expect(code).to.equal(5);
      const [test] = (await resultIn(directory, run)).tests;
      expect(test?.verdict).to.equal('error');
      expect(test?.reasons.join(' ')).to.contain('guest: its QEMU has ended');
      expect(await readFile(join(directory, 'results', run, 'contexts/guest/guest.xml'), 'utf8')).to.contain(run);
      expect(existsSync(join(directory, 'results', run, 'contexts/guest/console-guest.log'))).to.equal(true);
      expect(traces(run)).to.deep.equal([]);
    });
  });

  type Point = readonly [what: string, reached: (event: RunEvent) => boolean, guest?: Record<string, unknown>];
  // Such an image is never there: no build of it ends.
  const unbuilt = { image: { kernel: 'cloud', packages: ['lsof', 'tree'] } };
  const points: readonly Point[] = [
    ['it looks for libvirt', stage('looking for libvirt')],
    ['it builds an image', stage('building image'), unbuilt],
    ['it boots a guest', stage('booting'), { warm: false }],
    ['it restores a saved state', stage('starting from a saved state')],
    ['it waits for sshd', stage('waiting for sshd')],
    ['it measures', ({ type }) => type === 'trial-started'],
  ];
  const halfBuilt = async (): Promise<readonly string[]> =>
    (await readdir('/var/cache/kvm4nfv/images')).filter((name) => name.endsWith('.building'));

  for (const [what, reached, guest = {}] of points)
    it(`ends with 130 and leaves nothing when it is interrupted while ${what}`, async () => {
      await inDirectory(async (directory) => {
        const { run, token, child } = await startUntil(directory, { options: endless, guest }, reached);
        child.kill('SIGINT');
        const { code, stderr } = await child.ended;
        expect(code, stderr).to.equal(130);
        expect(traces(run, token)).to.deep.equal([]);
        expect(await halfBuilt()).to.deep.equal([]);
      });
    });

  for (const [what, reached, guest = {}] of points.slice(1))
    it(`leaves nothing after cleanup when it is killed while ${what}`, async () => {
      await inDirectory(async (directory) => {
        const { run, token, child } = await startUntil(directory, { options: endless, guest }, reached);
        child.kill('SIGKILL');
        await child.ended;
        expect(traces(run, token), 'what there is to clean up').not.to.deep.equal([]);
        const { code, stdout, stderr } = await cli(['cleanup'], { cwd: directory });
        expect(code, stdout + stderr).to.equal(0);
        expect(stdout).to.contain(`${run}: cleaned`);
        expect(traces(run, token)).to.deep.equal([]);
        expect(await halfBuilt()).to.deep.equal([]);
        const again = await cli(['cleanup'], { cwd: directory });
        expect(again.code, again.stderr).to.equal(0);
      });
    });
});
