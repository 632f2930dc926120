import { expect } from 'chai';
import { Refusal } from '../../lib/host/simulated.js';
import { applyTuning } from '../../lib/tuning/engine.js';
import { isEffective, type KnobResult } from '../../lib/tuning/judge.js';
import { complaint, errnoOf } from '../../lib/tuning/refusal.js';
import { tuningOf } from './machine.js';
import { recordedMachine } from './recorded.js';

const interrupts = ['/proc/irq/24/smp_affinity_list', '/proc/irq/25/smp_affinity_list'];

const refused = async (reason: string, paths: readonly string[], files = {}): Promise<KnobResult> => {
  const refuse = (): never => {
    throw new Refusal(reason);
  };
  const { host } = recordedMachine('base-intel-2s', {
    files,
    writes: Object.fromEntries(paths.map((path) => [path, refuse])),
  });
  const tuning = await tuningOf({
    profile: 'none',
    with: { isolated_cpus: '2-3' },
    knobs: { 'irq-affinity': 'housekeeping' },
  });
  const applied = await applyTuning(host, 'run-1', tuning);
  await applied.restore();
  const [result] = applied.results;
  if (result === undefined) throw new Error('no result');
  return result;
};

describe('what the kernel refuses', () => {
  for (const reason of ['Input/output error', 'Operation not permitted'])
    it(`is excused where it is what an interrupt that the kernel manages answers: ${reason}`, async () => {
      const result = await refused(reason, interrupts.slice(1));
      expect(result.state).to.equal('ok');
      expect(isEffective(result)).to.equal(true);
      expect(result.reason).to.contain(`IRQ 25: the kernel refuses (${reason})`);
    });

  for (const reason of ['No space left on device', 'Permission denied', 'Read-only file system', 'Invalid argument'])
    it(`is told, and stops, where it is anything else: ${reason}`, async () => {
      const result = await refused(reason, interrupts);
      expect(result.state).to.equal('differs');
      expect(isEffective(result)).to.equal(false);
      expect(result.reason).to.contain('/proc/irq/24/smp_affinity_list').and.to.contain(reason);
    });

  it('is excused by the error alone: one interrupt that is managed does not excuse another without a vector', async () => {
    const { host } = recordedMachine('base-intel-2s', {
      writes: {
        [interrupts[0] ?? '']: () => {
          throw new Refusal('No space left on device');
        },
        [interrupts[1] ?? '']: () => {
          throw new Refusal('Input/output error');
        },
      },
    });
    const tuning = await tuningOf({
      profile: 'none',
      with: { isolated_cpus: '2-3' },
      knobs: { 'irq-affinity': 'housekeeping' },
    });
    const [result] = (await applyTuning(host, 'run-1', tuning)).results;
    expect(result?.items.map(({ label, state }) => [label, state])).to.deep.equal([
      ['IRQ 24', 'differs'],
      ['IRQ 25', 'unsupported'],
      ['default', 'ok'],
    ]);
  });

  it('is no disturbance where the interrupt is on a housekeeping CPU all the same, whatever its mask names', async () => {
    const seen = { '/proc/irq/25/smp_affinity_list': '0-3\n', '/proc/irq/25/effective_affinity_list': '1\n' };
    const result = await refused('Operation not permitted', interrupts.slice(1), seen);
    expect(result.items.map(({ state }) => state)).to.deep.equal(['ok', 'ok', 'ok']);
    expect(result.reason).to.contain('in effect at CPU 1');
  });
});

describe('the words of a refusal', () => {
  it('begin with no line number of a script', () => {
    for (const [said, words] of [
      [
        'sh: 12: cannot create /proc/sys/vm/stat_interval: Permission denied',
        'cannot create /proc/sys/vm/stat_interval: Permission denied',
      ],
      [
        'kvm4nfv-batch: 49: cannot create /proc/irq/9/smp_affinity: Read-only file system',
        'cannot create /proc/irq/9/smp_affinity: Read-only file system',
      ],
      ['kvm4nfv-batch: line 49: /proc/x: Permission denied', '/proc/x: Permission denied'],
      ['cat: write error: Input/output error', 'Input/output error'],
      [
        'mkdir: cannot create directory: No space left on device',
        'mkdir: cannot create directory: No space left on device',
      ],
      ['', ''],
    ] as const)
      // prettier-ignore
      expect(complaint(said)).to.equal(words);
  });

  it('name the error, by the C library of either kind', () => {
    expect(['Input/output error', 'cat: write error: I/O error', 'x: Resource busy', 'Read-only file system', 'what'].map(errnoOf)).to.deep.equal(['EIO', 'EIO', 'EBUSY', 'EROFS', undefined]); // prettier-ignore
  });
});
