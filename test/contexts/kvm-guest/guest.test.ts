import { existsSync } from 'node:fs';
import { readFile, rm, stat, truncate } from 'node:fs/promises';
import { expect } from 'chai';
import { identify, runDirectory } from '../../../lib/contexts/kvm-guest/domain.js';
import { verifyGuest } from '../../../lib/contexts/kvm-guest/verify.js';
import type { Deployment } from '../../../lib/contexts/context.js';
import { stateCache } from '../../../lib/image/cache.js';
import { parseDomainSpec } from '../../../lib/libvirt/domain/domain-xml.js';
import { GuestRun, needGuests, noGuests, printed } from './guests.js';
import { traces } from './traces.js';
import { rejection } from '../../support/rejection.js';

describe('A guest of the kvm-guest context', function () {
  this.timeout(30 * 60_000);
  let run: GuestRun;
  let cold: Deployment;
  let coldStages: string[];

  before(async function () {
    await needGuests(this);
    run = await GuestRun.open('guest');
    coldStages = [];
    cold = await run.deploy(
      'cold',
      { warm: false, cmdline: 'kvm4nfv.test=1' },
      { at: (stage) => coldStages.push(stage) },
    );
  });

  after(async () => {
    if ((await noGuests()) === undefined) await run[Symbol.asyncDispose]();
  });

  it('boots, says each stage, and that it is emulated where it is', async () => {
    expect(coldStages.filter((stage) => !stage.includes('image'))).to.deep.equal([
      `booting (${String(cold.traits['accelerator'])})`,
      'waiting for sshd',
      'waiting for the end of the boot',
      'reading back what it was given',
    ]);
    expect(cold.traits).to.include({ emulated: cold.traits['accelerator'] === 'tcg', warm: false });
    expect(await printed(cold, 'cat', '/proc/sys/kernel/random/boot_id')).to.equal(cold.traits['bootId']);
    expect(await printed(cold, 'hostname')).to.equal('cold');
    expect(await printed(cold, 'cat', '/proc/cmdline')).to.contain('kvm4nfv.test=1');
    expect(await printed(cold, 'systemctl', 'is-system-running')).to.equal('running');
  });

  it('keeps its domain document in the directory of the run, with whose it is', async () => {
    const xml = await readFile(`${run.directory}/cold/cold.xml`, 'utf8');
    expect(xml).to.contain(`run="${run.run}"`).and.to.contain('context="cold"');
    expect(xml).not.to.contain('PRIVATE KEY');
  });

  it('takes the directory of the run with it, and nothing above that is not ours', async () => {
    await using other = await GuestRun.open('gone');
    await (await other.deploy('guest'))[Symbol.asyncDispose]();
    expect(existsSync(runDirectory(other.run))).to.equal(false);
    expect(existsSync('/var/tmp')).to.equal(true);
  });

  it('is refused where it is not what was asked for, with each difference', async () => {
    const { name } = identify(run.run, 'cold', undefined);
    const asked = (changes: object) =>
      parseDomainSpec({
        name,
        owner: { run: run.run, context: 'cold' },
        accelerator: 'tcg',
        cpu: { vcpus: 1 },
        memory: { size: 512 * 2 ** 20, sharePages: true },
        boot: { kernel: '/k', cmdline: 'kvm4nfv.test=1' },
        ...changes,
      });
    const socket = `/run/kvm4nfv/${run.run}/libvirtd/run/libvirt/libvirt-sock`;
    const uri = existsSync(socket) ? `qemu+unix:///system?socket=${socket}` : 'qemu:///system';
    const { signal } = new AbortController();
    await verifyGuest(run.host, uri, asked({}), cold.sut, signal);
    const differences: readonly (readonly [object, RegExp])[] = [
      [{ cpu: { vcpus: 2 } }, /CPUs in the guest: 2 asked for, 1 in effect/],
      [
        { cpu: { vcpus: 1, features: { 'no-such': 'require' } } },
        /CPU flag no-such: there asked for, not there in effect/,
      ],
      [{ cpu: { vcpus: 1, features: { fpu: 'disable' } } }, /CPU flag fpu: not there asked for, there in effect/],
      [
        { boot: { kernel: '/k', cmdline: 'isolcpus=7' } },
        /kernel command line: isolcpus=7 asked for, without isolcpus=7 in effect/,
      ],
      [{ boot: { kernel: '/k', cmdline: 'clocksource=sundial' } }, /clock source: sundial asked for, \w+ in effect/],
      [
        { tune: { vcpuSchedulers: [{ policy: 'fifo', priority: 1, vcpus: [0] }] } },
        /vCPU 0: scheduling: fifo 1 asked for, other in effect/,
      ],
      [
        { memory: { size: 512 * 2 ** 20, sharePages: true, hugepages: 2 ** 21 } },
        /memory: hugepages: 512 MiB in pages of 2048 KiB asked for/,
      ],
    ];
    for (const [changes, expected] of differences) {
      const error = await rejection(verifyGuest(run.host, uri, asked(changes), cold.sut, signal));
      expect(error, String(expected)).to.include({ fault: 'environment' });
      expect(String(error)).to.match(expected);
    }
  });

  it('starts from one saved state as several guests at once, each itself', async () => {
    const stages: string[] = [];
    const twins = await Promise.all(
      ['east', 'west'].map((name) => run.deploy(name, {}, { at: (stage) => stages.push(stage) })),
    );
    const told = await Promise.all(
      twins.map(async (twin) => ({
        hostname: await printed(twin, 'hostname'),
        machine: await printed(twin, 'cat', '/etc/machine-id'),
        key: await printed(twin, 'cat', '/run/kvm4nfv/authorized_keys'),
        random: await printed(twin, 'sh', '-c', 'head -c 16 /dev/urandom | od -An -tx1'),
        late: Math.abs(Number(await printed(twin, 'date', '+%s')) - Date.now() / 1000) > 120,
        own: await printed(
          twin,
          'sh',
          '-c',
          'echo "$1" >/root/mine; sync; cat /root/mine',
          'sh',
          String(twin.traits['bootId']),
        ),
      })),
    );
    for (const twin of twins) expect(twin.traits).to.include({ warm: true });
    expect(told.map(({ hostname }) => hostname)).to.deep.equal(['east', 'west']);
    expect(told.map(({ late }) => late)).to.deep.equal([false, false]);
    for (const field of ['machine', 'key', 'random'] as const)
      expect(new Set(told.map((one) => one[field])).size, field).to.equal(2);
    expect(stages).to.include('starting from a saved state');
  });

  it('is booted, and saved anew, where its saved state is damaged', async () => {
    const mark = `kvm4nfv.test=${run.run}`;
    const states = await stateCache(run.host);
    const known = async (): Promise<string[]> => (await run.host.exec(['ls', states])).stdout.split('\n');
    const before = new Set(await known());
    const first = await run.deploy('first', { cmdline: mark });
    await first[Symbol.asyncDispose]();
    const { stdout } = await run.host.exec([
      'grep',
      '-l',
      `"run":"${run.run}"`,
      '-r',
      states,
      '--include',
      'saved.json',
    ]);
    const mine = stdout.split('\n').find((file) => file !== '' && !before.has(file.split('/').at(-2) ?? ''));
    const directory = mine?.replace(/\/saved\.json$/, '') ?? '';
    expect(directory).to.contain(states);
    try {
      const { size } = await stat(`${directory}/state`);
      await truncate(`${directory}/state`, Math.floor(size / 3));
      const stages: string[] = [];
      const second = await run.deploy('second', { cmdline: mark }, { at: (stage) => stages.push(stage) });
      expect(stages.filter((stage) => stage.startsWith("the saved state can't be used: "))).to.have.lengthOf(1);
      expect(stages.filter((stage) => stage.startsWith('booting'))).to.have.lengthOf(1);
      expect(await printed(second, 'hostname')).to.equal('second');
      expect((await stat(`${directory}/state`)).size).to.be.greaterThan(size / 2);
    } finally {
      if (directory !== '') await rm(directory, { recursive: true });
    }
  });

  it('leaves nothing when all of them are taken down', async () => {
    expect(traces(run.run)).not.to.deep.equal([]);
    await run[Symbol.asyncDispose]();
    expect(traces(run.run)).to.deep.equal([]);
  });
});
