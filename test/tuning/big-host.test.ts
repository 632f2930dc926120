import { expect } from 'chai';
import { parseBatch } from '../../lib/tuning/batch.js';
import { lookAtBigHost, type Look } from './masked/namespace.js';

const interrupts = (look: Look): Look['results'][number]['items'] =>
  look.results.find(({ knob }) => knob === 'irq-affinity')?.items ?? [];

describe('a look at a host of 512 CPUs and 4,300 interrupts', function () {
  this.timeout(180_000);
  before(function () {
    if (process.getuid?.() !== 0) this.skip();
  });
  const spec = {
    profile: 'realtime-host',
    with: { isolated_cpus: '8-15' },
    knobs: { 'irq-affinity': { devices: [{ match: 'vfio-msix', cpus: 'isolated' }] } },
  };

  it('sees every one of them, each name of a table of 13.9 MB, and takes seconds', async () => {
    const look = await lookAtBigHost(512, 4300, spec);
    expect(interrupts(look).length).to.equal(4301);
    const asked = new Map(interrupts(look).map(({ label, requested }) => [label, requested]));
    expect([asked.get('IRQ 2149'), asked.get('IRQ 2150'), asked.get('IRQ 4299')]).to.deep.equal([
      '0-7,16-511',
      '8-15',
      '0-7,16-511',
    ]);
    const governor = look.results.find(({ knob }) => knob === 'governor');
    expect(governor?.items.length).to.equal(512);
    // 52 s before paths went by standard input; some 0.8 s on two free cores.
    expect(look.seconds).to.be.lessThan(20);
  });

  it('sees as much where the kernel takes short lists of arguments only', async () => {
    const look = await lookAtBigHost(64, 2000, spec, 'ulimit -s 512');
    expect(interrupts(look).length).to.equal(2001);
  });
});

describe('the answer of the script', () => {
  const path = '/proc/sys/vm/swappiness';
  const answer = (marks: number, count: string): string =>
    `${'\n=t= f /proc/sys/vm/swappiness'.repeat(marks)}\n=t= F\n${path}\0${'60\n'.repeat(marks)}\n=t= z${count}\n`;

  it('is an error where it ends early, or tells of fewer files than it read', () => {
    const batch = { requests: [{ kind: 'files', glob: path } as const] };
    expect(parseBatch(answer(1, ' 1'), '=t=', batch).snapshot.files.get(path)).to.equal('60\n');
    for (const cut of [answer(1, ' 2'), answer(1, ''), answer(0, ' 1'), '\n=t= f /proc/sys/vm/swappiness'])
      expect(() => parseBatch(cut, '=t=', batch)).to.throw('ended early');
  });
});
