import { expect } from 'chai';
import { Kvm4nfvError } from '../../../lib/error.js';
import { notAllowed } from '../../../lib/run/allowed-cpus.js';
import { cyclictestOptions } from '../../../scenarios/timer/cyclictest/options.js';
import { parseCyclictest } from '../../../scenarios/timer/cyclictest/parse.js';
import { smiCounters } from '../../../scenarios/timer/cyclictest/smi.js';
import { timer } from '../../../scenarios/timer/index.js';
import { misplaced, parsePlacement } from '../../../scenarios/timer/placement.js';
import { timerlatOptions } from '../../../scenarios/timer/timerlat/options.js';
import { readWarnings } from '../../../scenarios/timer/warnings.js';
import { fixture } from './fixture.js';

describe('kind B: warnings of the tools are read', () => {
  for (const line of [
    '77500 (64.58%) events missed, results might not be accurate',
    'unknown number of events missed, results might not be accurate',
    'Error iterating on events',
    'Bucket 3 overflowed',
  ])
    it(`no data: ${line}`, () => {
      expect(readWarnings('tool', `first\n${line}\nlast`)).to.deep.equal({ doubts: [`tool: ${line}`], notes: [] });
    });

  for (const line of [
    'WARN: Could not set CPU affinity to CPU #1',
    "WARN: Couldn't setaffinity in main thread: Invalid argument",
    'WARN: High resolution timers not available',
    'timerthread0: failed to set priority to 99',
    'FATAL: SMI counter is not supported on this processor',
    "cyclictest: unrecognized option '--mainaffinity=0'",
    "oslat: invalid option -- 'W'",
    'Failed to set sched parameters',
  ])
    it(`environment: ${line}`, () => {
      expect(() => readWarnings('tool', `# /dev/cpu_dma_latency set to 0us\n${line}\n`))
        .to.throw(Kvm4nfvError, line)
        .with.property('fault', 'environment');
    });

  it('note: the PM QoS latency, but environment where it was asked for', () => {
    const line = 'WARN: stat /dev/cpu_dma_latency failed: No such file or directory';
    expect(readWarnings('cyclictest', line)).to.deep.equal({ doubts: [], notes: [`cyclictest: ${line}`] });
    expect(() => readWarnings('cyclictest', line, [/cpu_dma_latency/])).to.throw(Kvm4nfvError, line);
  });

  it('says nothing of what is no warning, and each only once, shortened', () => {
    for (const name of [
      'cyclictest/cyclictest-2.4-break-before-other-thread-ran-nan.stdout',
      'oslat/oslat-2.4-threshold.stderr',
    ])
      expect(readWarnings('tool', fixture(name))).to.deep.equal({ doubts: [], notes: [] });
    const long = `WARN: getrlimit failed ${'x'.repeat(1e6)}`;
    const { notes } = readWarnings('tool', `${long}\n${long}`);
    expect(notes.map((note) => note.length)).to.deep.equal([206]);
  });
});

describe('kind B: CPUs that are not allowed to us', () => {
  it('are those that the cpuset lacks', () => {
    expect(notAllowed('0;0;0-3', [1])).to.contain('CPU 1: not in our cpuset');
    expect(notAllowed(';0;0-3', [1, 2])).to.contain('CPU 1-2: not in our cpuset');
    expect(notAllowed('0-1;0-1;0-3', [1, 2])).to.contain('CPU 2: not in our cpuset');
  });

  it('are those that somebody took from us', () => {
    expect(notAllowed('1;0;0-3', [1])).to.contain('we were started with an affinity of 0,');
  });

  it('are not those that the machine isolates, nor any where it can not be known', () => {
    expect(notAllowed('2-3;0-1;0-1', [2, 3])).to.equal(undefined);
    expect(notAllowed('0-3;0-3;0-3', [1])).to.equal(undefined);
    expect(notAllowed('', [1])).to.equal(undefined);
  });

  it('are asked for by each tool whose threads are its own', () => {
    const asked = (input: Record<string, unknown>): string[] =>
      timer.needs(timer.options.parse(input)).flatMap((need) => (need.kind === 'cpus' ? [need.cpus] : []));
    expect(asked({ cpus: '2-3', main_affinity: 0 })).to.deep.equal(['2-3', '0']);
    expect(asked({ tool: 'oslat', cpus: 1 })).to.deep.equal(['1', '0']);
    expect(asked({ tool: 'timerlat', cpus: 1 })).to.deep.equal([]);
    expect(asked({ tool: 'timerlat', cpus: 1, user_threads: true })).to.deep.equal(['1']);
  });
});

describe('kind B: where the threads of a tool really run', () => {
  const stat = (id: number, name: string, cpu: number): string =>
    `${String(id)} (${name}) S ${Array.from({ length: 35 }, (_, index) => String(index)).join(' ')} ${String(cpu)} 99 1 0 0 0\n`;
  const status = (id: number, list: string): string =>
    `/proc/7/task/${String(id)}/status:Cpus_allowed_list:\t${list}\n`;

  it('is field 39 of stat, whatever their name, and the list of CPUs they may have', () => {
    const text = `${stat(7, 'cyclictest', 0)}${stat(8, 'a) R (b', 3)}${stat(9, 'x', 2)}${status(7, '0-3')}${status(8, '3')}${status(9, '2')}`;
    const threads = parsePlacement(text, 7);
    expect(threads).to.deep.equal([
      { id: 8, allowed: '3', cpu: 3 },
      { id: 9, allowed: '2', cpu: 2 },
    ]);
    expect(misplaced(threads, [2, 3])).to.deep.equal([]);
    expect(misplaced(threads, [2]).map(({ id }) => id)).to.deep.equal([8]);
  });

  it('is wrong where a thread is bound to no single CPU', () => {
    expect(misplaced([{ id: 8, allowed: '0-3', cpu: 3 }], [0, 1, 2, 3])).to.have.length(1);
  });

  it('is nowhere once the tool has ended', () => {
    expect(parsePlacement('cat: /proc/7/task/*/stat: No such file or directory\n', 7)).to.deep.equal([]);
  });
});

describe('kind C: options that a tool lacks are found out before the window', () => {
  const features = (input: Record<string, unknown>): readonly string[] =>
    timer.needs(timer.options.parse(input)).flatMap((need) => (need.kind === 'tool' ? (need.options ?? []) : []));

  it('asks for those that are used and for no others', () => {
    expect(features({})).to.deep.equal(['--json']);
    expect(features({ tool: 'timerlat' })).to.deep.equal(['--cpus']);
    expect(features({ tool: 'timerlat', user_threads: true, warm_up: '1s' })).to.include.members([
      '--user-threads',
      '--warm-up',
    ]);
  });
});

describe('kind F: what was asked for and measured is kept', () => {
  const input = { cpus: 1, loops: 100, break: 'none', histogram: '200us', smi: true } as const;
  const text = JSON.stringify({
    file_version: 1,
    num_threads: 1,
    resolution_in_ns: 0,
    thread: { 0: { histogram: { 10: 99, 14: 1 }, cycles: 100, min: 10, max: 14, avg: 10.04, cpu: 1 } },
  });
  const { metrics } = parseCyclictest(text, cyclictestOptions.parse(input));

  it('counts SMIs', () => {
    expect(smiCounters('# Histogram Overflows: 00000\n# SMIs: 00007\n', metrics)).to.deep.equal([
      { kind: 'counter', name: 'smi', unit: 'count', labels: { thread: '0', cpu: '1' }, value: 7 },
    ]);
    expect(timer.metrics(timer.options.parse(input)).map(({ name }) => name)).to.deep.equal(['latency', 'smi']);
  });

  it('is an error where they were to be counted and are not, or of other threads', () => {
    expect(() => smiCounters('# Total: 100\n', metrics)).to.throw(Kvm4nfvError, 'says nothing of them');
    expect(() => smiCounters('# SMIs: 00007 00008\n', metrics)).to.throw(Kvm4nfvError, 'SMIs of 2 threads');
  });

  for (const name of ['stop_irq', 'stop_thread', 'stack'])
    it(`refuses auto beside ${name}, which it would set`, () => {
      const parsed = timerlatOptions.safeParse({ tool: 'timerlat', auto: '100us', [name]: '30us' });
      expect(parsed.error?.issues.map(({ path }) => path)).to.deep.equal([[name]]);
    });
});
