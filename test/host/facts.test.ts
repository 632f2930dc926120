import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import fc from 'fast-check';
import { parseFacts } from '../../lib/host/facts-parse.js';
import { hostFactsSchema } from '../../lib/host/facts-schema.js';
import { readFacts } from '../../lib/host/facts.js';
import { localHost } from '../../lib/host/local.js';
import { SimulatedHost } from '../../lib/host/simulated.js';
import { Kvm4nfvError } from '../../lib/error.js';

const fixtures = new URL('../fixtures/facts/', import.meta.url);
const text = (name: string): string => readFileSync(new URL(name, fixtures), 'utf8');

describe('The facts of a host', () => {
  for (const name of readdirSync(fixtures).filter((file) => file.endsWith('.txt')))
    it(`are read from ${name} as recorded`, () => {
      const facts: unknown = JSON.parse(JSON.stringify(parseFacts(text(name))));
      expect(facts).to.deep.equal(JSON.parse(text(name.replace('.txt', '.json'))));
      expect(hostFactsSchema.parse(facts)).to.deep.equal(facts);
    });

  it('tell isolated CPUs, governors and idle states per CPU', () => {
    const facts = parseFacts(text('linux-6.1-rt-two-sockets.txt'));
    expect(facts.kernel).to.include({ realtime: true, preemption: 'rt' });
    expect(facts.kernel.isolated).to.deep.equal([2, 3, 6]);
    expect(facts.cpufreq?.governors).to.deep.equal({ powersave: [0, 1, 4, 5], performance: [2, 3, 6] });
    expect(facts.cpuidle?.states[2]).to.deep.include({
      name: 'C6',
      latency: 133_000,
      residency: 600_000,
      disabled: [2, 3, 6],
    });
    expect(facts.topology.cpus[6]).to.deep.equal({ id: 6, node: 1, package: 1, core: 0, siblings: [2, 6] });
    expect(facts.hugepages.filter(({ total }) => total > 0)).to.deep.equal([
      { node: 0, size: 2 ** 30, total: 2, free: 0 },
      { node: 1, size: 2 ** 30, total: 2, free: 1 },
    ]);
  });

  it('leave out what a kernel does not show', () => {
    const facts: unknown = JSON.parse(JSON.stringify(parseFacts(text('linux-5.10-arm64-bare.txt'))));
    expect(facts).to.not.have.any.keys('clocksource', 'cpufreq', 'cpuidle', 'transparentHugepages', 'dmi');
    expect(facts)
      .to.have.nested.property('kernel')
      .that.does.not.have.any.keys('preemption', 'isolated', 'nohzFull', 'bootId');
  });

  it('are parsed from anything without a crash', () => {
    const known = text('linux-6.1-rt-two-sockets.txt').split('\n');
    const lines = fc
      .tuple(fc.constantFrom(...known), fc.string())
      .map(([line, junk]) => `${line.split('\0')[0] ?? ''}\0${junk}`);
    fc.assert(
      fc.property(fc.array(lines), (junk) => {
        try {
          hostFactsSchema.parse(JSON.parse(JSON.stringify(parseFacts(junk.join('\n')))));
        } catch (error) {
          expect(Kvm4nfvError.is(error)).to.equal(true);
        }
      }),
    );
  });

  it('of this machine agree with what Node says of it', async () => {
    const facts = await readFacts(localHost());
    expect(facts.user.uid).to.equal(process.getuid?.());
    expect(facts.kernel.cmdline).to.equal(readFileSync('/proc/cmdline', 'utf8').trimEnd());
    expect(facts.topology.online.length).to.equal(
      /^processor/gm[Symbol.match](readFileSync('/proc/cpuinfo', 'utf8'))?.length,
    );
    expect(facts.topology.cpus.map(({ id }) => id)).to.deep.equal(facts.topology.online);
    expect(facts.memory).to.be.greaterThan(2 ** 26);
  });

  it('of a simulated host come from its files', async () => {
    const host = new SimulatedHost({
      files: { '/sys/devices/system/cpu/online': '0-3\n', '/proc/sys/kernel/hostname': 'sim\n' },
    });
    const facts = await readFacts(host);
    expect(facts.hostname).to.equal('sim');
    expect(facts.topology.online).to.deep.equal([0, 1, 2, 3]);
  });

  it('are an error where there is no /sys', async () => {
    const error: unknown = await readFacts(new SimulatedHost()).catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(Kvm4nfvError).with.property('fault', 'environment');
  });
});
