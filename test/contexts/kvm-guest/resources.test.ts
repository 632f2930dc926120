import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { expect } from 'chai';
import { placeAndTake } from '../../../lib/contexts/kvm-guest/choice.js';
import { takeScript } from '../../../lib/contexts/kvm-guest/resource-scripts.js';
import { kvmGuestOptions } from '../../../lib/contexts/kvm-guest/options.js';
import {
  giveBack,
  leaseDirectory,
  takenBy,
  takenCpus,
  takePort,
  tryTake,
} from '../../../lib/contexts/kvm-guest/resources.js';
import { readFacts, type HostFacts } from '../../../lib/host/facts.js';
import { localHost } from '../../../lib/host/local.js';
import { eventually } from '../../support/eventually.js';
import { rejection } from '../../support/rejection.js';

describe('Leases of a guest', function () {
  this.timeout(120_000);
  const host = localHost('local');
  const unique = `${String(process.pid)}-${Date.now().toString(36)}`;
  const [first, second] = [`test-first-${unique}`, `test-second-${unique}`];
  const mine = { run: first, context: 'a' };
  const theirs = { run: second, context: 'b' };
  /** No machine has a CPU of such a number. */
  const cpu = (number: number): string => `cpu-${String(90_000 + (process.pid % 1000) * 8 + number)}`;

  afterEach(async () => {
    await giveBack(host, first);
    await giveBack(host, second);
  });

  it('are taken all or not at all, and tell who has them', async () => {
    expect(await tryTake(host, mine, [cpu(1), cpu(2)])).to.deep.equal({ taken: true });
    const refused = await tryTake(host, theirs, [cpu(3), cpu(2)]);
    if (refused.taken) throw new Error('taken twice');
    expect(refused.name).to.equal(cpu(2));
    expect(refused.owner).to.include(mine);
    expect(String(await takenBy(host, refused))).to.contain(`${cpu(2)} belongs to context a of run ${first}`);
    expect(await takenCpus(host)).not.to.include(Number(cpu(3).slice(4)));
    expect([...(await giveBack(host, first, 'a'))].sort()).to.deep.equal([cpu(1), cpu(2)].sort());
    expect(await tryTake(host, theirs, [cpu(2)])).to.deep.equal({ taken: true });
  });

  it('of one context stay when another one of the same run gives back', async () => {
    await tryTake(host, mine, [cpu(1)]);
    await tryTake(host, { run: first, context: 'other' }, [cpu(2)]);
    expect(await giveBack(host, first, 'other')).to.deep.equal([cpu(2)]);
    expect((await tryTake(host, theirs, [cpu(1)])).taken).to.equal(false);
  });

  it('are not taken by a controller that died before it had said all of whose they are', async () => {
    const argv = ['sh', '-c', takeScript, 'sh', leaseDirectory, '', cpu(1)];
    const { exitCode } = await host.exec(argv, { stdin: `{"run":"${first}","con`, check: false });
    expect(exitCode).to.equal(1);
    expect(await tryTake(host, theirs, [cpu(1)])).to.deep.equal({ taken: true });
  });

  it('have one winner when many try at once', async () => {
    const runs = Array.from({ length: 12 }, (_, number) => ({ run: first, context: `c${String(number)}` }));
    const takings = await Promise.all(runs.map((owner) => tryTake(host, owner, [cpu(1), cpu(4)])));
    expect(takings.filter(({ taken }) => taken)).to.have.lengthOf(1);
  });

  it('of a run whose controller is gone say so, and how they are given back', async () => {
    const child = spawn('sleep', ['0']);
    await once(child, 'exit');
    await tryTake(host, mine, [cpu(1)]);
    const file = `${leaseDirectory}/${cpu(1)}`;
    const { stdout } = await host.exec(['cat', file]);
    const lease = JSON.parse(stdout) as { controller: { pid: number; started: string } };
    lease.controller.pid = child.pid ?? 0;
    lease.controller.started = '1';
    writeFileSync(file, JSON.stringify(lease));
    const refused = await tryTake(host, theirs, [cpu(1)]);
    if (refused.taken) throw new Error('taken twice');
    const error = await takenBy(host, refused);
    expect(error.message).to.contain('whose controller is gone');
    expect(error.hint).to.equal(`kvm4nfv cleanup --run ${first}`);
  });

  it('are not mistaken in a file of somebody else, which is left alone', async () => {
    const file = `${leaseDirectory}/${cpu(5)}`;
    await tryTake(host, mine, [cpu(1)]);
    writeFileSync(file, 'somebody else');
    try {
      const refused = await tryTake(host, theirs, [cpu(5)]);
      if (refused.taken) throw new Error('taken from somebody');
      expect(String(await takenBy(host, refused))).to.contain('no lease of ours');
      await giveBack(host, second);
      expect(readdirSync(leaseDirectory)).to.include(cpu(5));
    } finally {
      rmSync(file);
    }
  });

  it('of ports are never of one that is in use', async () => {
    const ports = await Promise.all(
      Array.from({ length: 8 }, (_, number) => takePort(host, { run: first, context: `c${String(number)}` })),
    );
    expect(new Set(ports).size).to.equal(8);
  });

  it('of ports pass by one that somebody listens on', async () => {
    const server = createServer();
    const port = await eventually('a port to listen on', async () => {
      const wanted = 42_000 + Math.floor(Math.random() * 8000);
      server.listen(wanted, '127.0.0.1');
      await once(server, 'listening');
      return wanted;
    });
    const random = Math.random;
    const drawn = [(port - 42_000 + 0.5) / 8000];
    Math.random = () => drawn.shift() ?? random();
    try {
      expect(await takePort(host, mine)).to.not.equal(port);
      expect(drawn, 'was drawn first').to.deep.equal([]);
    } finally {
      Math.random = random;
      server.close();
    }
  });

  it('of huge pages are refused with the numbers where too few are there', async () => {
    const options = kvmGuestOptions.parse({ memory: '4096GiB', hugepages: '1GiB' });
    const error = await rejection(placeAndTake(host, await readFacts(host), options, mine));
    expect(error).to.include({ fault: 'environment' });
    expect(String(error)).to.match(
      /4096 huge pages of 1024 MiB are needed: of \d+ there, \d+ are free and 0 belong to guests/,
    );
  });

  it('are not made where the host has less memory', async () => {
    const error = await rejection(
      placeAndTake(host, await readFacts(host), kvmGuestOptions.parse({ memory: '4096GiB' }), mine),
    );
    expect(error).to.include({ fault: 'environment' });
    expect(String(error)).to.match(/has [\d.]+ GiB of memory, and the guest is to have 4096\.0 GiB/);
  });

  describe('of CPUs of the host', () => {
    let facts: HostFacts;
    before(async function () {
      facts = await readFacts(host);
      if (facts.topology.online.length < 2) this.skip();
    });

    it('keep the CPUs of two realtime guests apart, and refuse where none is left', async () => {
      const options = kvmGuestOptions.parse({ vcpus: 1, profile: 'realtime' });
      const placement = await placeAndTake(host, facts, options, mine);
      const own = placement?.vcpus.flat() ?? [];
      expect(own).to.have.lengthOf(1);
      const other = await placeAndTake(host, facts, options, theirs).catch((error: unknown) => error);
      if (other instanceof Error) expect(other).to.include({ fault: 'environment' });
      else expect((other as typeof placement)?.vcpus.flat()).not.to.have.members(own);
    });

    it('that the user chose are refused with the name of the run that has them', async () => {
      const [chosen = 0] = facts.topology.online;
      const options = kvmGuestOptions.parse({ vcpus: 1, cpus: String(chosen) });
      await placeAndTake(host, facts, options, mine);
      const error = await rejection(placeAndTake(host, facts, options, theirs));
      expect(String(error)).to.contain(`cpu-${String(chosen)} belongs to context a of run ${first}`);
    });
  });
});
