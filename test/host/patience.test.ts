import { availableParallelism } from 'node:os';
import { expect } from 'chai';
import fc from 'fast-check';
import { localHost } from '../../lib/host/local.js';
import { parseSlowness, Patience, slownessOf, stretched } from '../../lib/host/patience.js';
import { deadline } from '../../lib/libvirt/deadline.js';
import { begin, end } from '../support/begin.js';
import { eventually } from '../support/eventually.js';
import { rejection } from '../support/rejection.js';
import '../support/slow.js';

const minute = 60_000;

describe('Patience', () => {
  it('tells from 40 processes and from what waits how many times slower a machine is', () => {
    expect(parseSlowness('100.00 100.03 0.10 1/200 2\n')).to.equal(1);
    expect(parseSlowness('100.00 100.01 0.00 1/200 2\n')).to.equal(1);
    expect(parseSlowness('100.00 100.60 0.10 1/200 2\n')).to.be.closeTo(15, 0.01);
    expect(parseSlowness('100.00 100.04 13.00 2/200 2\n')).to.equal(6.5);
    // A load that has just begun is not in the average yet.
    expect(parseSlowness('100.00 100.04 0.50 17/200 2\n')).to.equal(8);
    for (const text of ['', 'x y z', '1 2 3 4/5 0', '100.00 100.04 0.1 1/200'])
      expect(parseSlowness(text), text).to.equal(1);
  });

  it('gives ten times as long at most, and ten minutes more', () => {
    expect([0.1, 1, 3, 10, 1000].map((slower) => stretched(20_000, slower))).to.deep.equal([
      20_000, 20_000, 60_000, 200_000, 200_000,
    ]);
    expect(stretched(15 * minute, 8)).to.equal(25 * minute);
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10 ** 7 }),
        fc.double({ min: 0, max: 1e6, noNaN: true }),
        (timeout, slower) => {
          const allowed = stretched(timeout, slower);
          expect(allowed).to.be.within(timeout, Math.min(10 * timeout, timeout + 10 * minute));
        },
      ),
    );
  });

  it('asks only once the time is over, and gives no more than the machine needs', async () => {
    let asked = 0;
    const patience = new Patience(30, () => Promise.resolve((asked += 1) === 1 ? 4 : 1));
    expect(patience.isOver).to.equal(false);
    expect(await patience.more()).to.equal(true);
    expect(asked).to.equal(0);
    await eventually('its end', () => patience.isOver);
    expect(await patience.more()).to.equal(true);
    expect([asked, patience.words]).to.deep.equal([1, '0.03 s (0.12 s, since the machine is slow)']);
    await eventually('its end', () => patience.isOver);
    expect(await patience.more()).to.equal(false);
    expect([asked, patience.left]).to.deep.equal([2, 1]);
  });

  it('gives no more where nothing moves, and twice the time where something does', async () => {
    const none = new Patience(
      1,
      () => Promise.resolve(0.01),
      () => Promise.resolve('Kernel panic'),
    );
    await eventually('its end', () => none.isOver);
    expect(await none.more()).to.equal(false);
    let lines = 0;
    const some = new Patience(
      1000,
      () => Promise.resolve(0.01),
      () => Promise.resolve((lines += 1)),
    );
    await eventually('its end', () => some.isOver);
    expect(await some.more()).to.equal(true);
    expect(some.words).to.contain('(2 s, ');
  });

  it('ends work whose machine is only slow later, and tells both times', async () => {
    const slow = new Promise((resolve) => setTimeout(resolve, 150, 'done'));
    expect(await deadline(slow, 50, undefined, 'slow', () => Promise.resolve(10))).to.equal('done');
    const hung = deadline(new Promise(() => undefined), 50, undefined, 'hung', () => Promise.resolve(3));
    expect(await rejection(hung)).to.have.property(
      'message',
      'hung: no answer within 0.05 s (0.15 s, since the machine is slow)',
    );
  });

  describe('under a real load', function () {
    this.timeout(120_000);
    const host = localHost();
    /** Twenty for each CPU. */
    const workers = 20 * availableParallelism();
    let load: ReturnType<typeof begin>;
    before(async () => {
      load = begin('stress-ng', ['--cpu', String(workers), '--timeout', '100', '--quiet'], { stdio: 'ignore' });
      await eventually('the load', async () => (await slownessOf(host)) >= 5);
    });
    after(() => end(load));

    /** As a shell counts: 400,000 take about a quarter of a second of CPU time. */
    const counting = (loops: number): string =>
      `i=0; while [ $i -lt ${String(loops)} ]; do i=$((i + 1)); done; echo done`;

    it('lets a command come to its end that is only slow', async () => {
      // How much of a CPU it gets is the kernel's affair: more work, until it takes longer than it was given.
      let took = 0;
      for (let loops = 400_000; took <= 1000 && loops < 1e8; loops *= 2) {
        const began = performance.now();
        const { stdout } = await host.exec(['sh', '-c', counting(loops)], { timeout: 1000 });
        expect(stdout).to.equal('done\n');
        took = performance.now() - began;
      }
      expect(took, 'slower than its time').to.be.above(1000);
    });

    it('ends one that hangs all the same, and says how long it was given', async () => {
      const began = performance.now();
      const error = await rejection(host.exec(['sleep', '1000'], { timeout: 700 }));
      expect(error)
        .to.have.property('message')
        .that.match(/^local: sleep 1000: .* longer than 0\.7 s \([\d.]+ s, since the machine is slow\)$/);
      expect(performance.now() - began).to.be.within(3500, 60_000);
    });

    it('leaves the limit of a wait for a job as it is', async () => {
      await using job = await host.start({
        run: `patience-${String(process.pid)}`,
        name: 'job',
        argv: ['sleep', '1000'],
      });
      expect(await rejection(job.wait({ timeout: 300 })))
        .to.have.property('message')
        .that.includes('after 0.3 s');
    });
  });
});
