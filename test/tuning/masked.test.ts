import { expect } from 'chai';
import type { KnobResult } from '../../lib/tuning/judge.js';
import { inNamespace } from './masked/namespace.js';

/** Over its parent: a directory that somebody else removes takes with it what is mounted there, in every namespace. */
const journal = 'mount -t tmpfs none /var/lib';

interface Told {
  readonly results?: readonly KnobResult[];
  readonly complete?: boolean;
  readonly error?: string;
}
const apply = async (shell: string, knobs: object): Promise<Told> =>
  JSON.parse(
    await inNamespace('apply', [JSON.stringify({ profile: 'none', with: { isolated_cpus: '1' }, knobs })], { shell }),
  ) as Told;

describe('a host whose file systems are as containers have them', function () {
  this.timeout(120_000);
  before(function () {
    if (process.getuid?.() !== 0) this.skip();
  });

  it('is told that they are read-only, without a line number of a script', async () => {
    const readOnly = `${journal}; mount --bind /proc/sys /proc/sys; mount -o remount,ro,bind /proc/sys`;
    const { results, complete } = await apply(readOnly, { 'stat-interval': 9 });
    expect(complete).to.equal(true);
    expect(results?.[0]?.state).to.equal('differs');
    expect(results?.[0]?.reason).to.contain('/proc/sys/vm/stat_interval').and.to.contain('Read-only file system');
    expect(results?.[0]?.reason).to.not.match(/\b(?:sh|kvm4nfv-\w+): \d+:|: \d+: /);
  });

  it('is told so of each interrupt: that is not what one answers that the kernel manages', async () => {
    const readOnly = `${journal}; mount --bind /proc/irq /proc/irq; mount -o remount,ro,bind /proc/irq`;
    const { results } = await apply(readOnly, { 'irq-affinity': 'housekeeping' });
    const wrong = (results?.[0]?.items ?? []).filter(({ state }) => state === 'differs');
    expect(wrong.length).to.be.greaterThan(0);
    for (const { reason } of wrong) expect(reason).to.contain('Read-only file system');
  });

  it('is left alone where the journal has no room', async () => {
    const full =
      'mount -t tmpfs -o size=16k none /var/lib; mkdir /var/lib/kvm4nfv; head -c 12k /dev/zero > /var/lib/filler';
    const { error } = await apply(full, { 'stat-interval': 9, 'dirty-limits': { ratio: 21, background: 11 } });
    expect(error).to.contain('No space left on device');
  });
});

describe('tasks of this machine, in a namespace of their own', function () {
  this.timeout(120_000);
  before(function () {
    if (process.getuid?.() !== 0) this.skip();
  });

  it('leave the isolated CPUs, but for those pinned there; and have them again, those included that came meanwhile', async () => {
    const namespace = ['--pid', '--fork', '--mount-proc'];
    const told = JSON.parse(await inNamespace('tasks', ['1'], { shell: journal, namespace })) as Record<
      string,
      unknown
    >;
    const { first, during, after, complete, states } = told as {
      first: Record<string, string>;
      during: Record<string, string>;
      after: Record<string, string>;
      complete: boolean;
      states: string[];
    };
    expect(states).to.deep.equal(['ok']);
    expect(during).to.deep.equal({ free: '0', pinned: '1', born: '0', ours: '0' });
    expect(complete).to.equal(true);
    expect(after).to.deep.equal({ ...first, born: first['free'] });
  });
});
