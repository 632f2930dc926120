import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { Kvm4nfvError } from '../../../lib/error.js';
import { shortfalls } from '../../../lib/measure/completeness.js';
import type { Metric } from '../../../lib/measure/measurement.js';
import { hwlatArgv, hwlatExpected, parseHwlatRun } from '../../../scenarios/hardware-latency/hwlat.js';
import { hwnoiseArgv, hwnoiseExpected, parseHwnoise } from '../../../scenarios/hardware-latency/hwnoise.js';
import { hardwareLatency } from '../../../scenarios/hardware-latency/index.js';
import { hwlatOptions, hwnoiseOptions } from '../../../scenarios/hardware-latency/options.js';

const recorded = readFileSync(new URL('../../fixtures/hwlat/linux-6.1-rt-per-cpu.txt', import.meta.url), 'utf8');
const values = (metrics: readonly Metric[]): unknown[] =>
  metrics.map((metric) =>
    metric.kind === 'histogram' ? 'histogram' : [metric.name, metric.labels['cpu'], metric.value],
  );

describe('kind N: hardware-latency with the hwlat tracer', () => {
  const options = hwlatOptions.parse({ duration: '5s' });

  it('spins on the CPUs asked for, in the windows asked for', () => {
    const argv = hwlatArgv(
      hwlatOptions.parse({ duration: '5s', threshold: '20us', width: '100ms', window: '250ms' }),
      [0, 2, 33],
    );
    expect(argv.slice(0, 2)).to.deep.equal(['sh', '-c']);
    expect(argv.slice(4)).to.deep.equal(['5', '20', '2,00000005', '100000', '250000']);
  });

  it('has gaps, the longest and the time watched of each CPU', () => {
    const { metrics, doubts } = parseHwlatRun(recorded, [0, 1]);
    expect(doubts).to.deep.equal([]);
    expect(values(metrics)).to.deep.equal([
      ['gaps', '0', 559],
      ['longest', '0', 88_585_000],
      ['watched', '0', 3_648_685_957],
      ['gaps', '1', 406],
      ['longest', '1', 115_360_000],
      ['watched', '1', 3_105_963_665],
    ]);
    expect(shortfalls({ metrics, duration: 5e9, expected: hwlatExpected(options, [0, 1]) })).to.deep.equal([]);
  });

  it('has values where there was no gap', () => {
    const quiet = recorded.replace(/^.*inner\/outer.*\n/gm, '').replace('15/15', '0/0');
    const { metrics } = parseHwlatRun(quiet, [0]);
    expect(values(metrics).slice(0, 2)).to.deep.equal([
      ['gaps', '0', 0],
      ['longest', '0', 0],
    ]);
  });

  it('has no data of a CPU that was not watched, or not long enough', () => {
    const said = (output: string, cpus: readonly number[]): readonly string[] =>
      shortfalls({ ...parseHwlatRun(output, cpus), duration: 5e9, expected: hwlatExpected(options, cpus) });
    expect(said(recorded, [0, 1, 2])).to.deep.equal(['watched (cpu 2) was asked for and not measured']);
    expect(said(recorded.replace('watched 1 3105963665', 'watched 1 1999999999'), [0, 1])).to.deep.equal([
      'watched (cpu 1) has 1999999999 of 2500000000 ns',
    ]);
    expect(said(recorded.replace('watched 1 3105963665', 'watched 1 0'), [1])).to.have.length(1);
  });

  it('doubts what was written over, and gaps of CPUs that were not asked for', () => {
    expect(parseHwlatRun(recorded.replace('15/15', '15/40'), [0, 1]).doubts).to.deep.equal([
      '25 windows with gaps were written over in the trace buffer',
    ]);
    expect(parseHwlatRun(recorded, [0]).doubts).to.have.length(1);
  });

  for (const input of [{ width: '1s' }, { width: '2s', window: '1s' }, { window: '2m' }, { duration: '1500ms' }])
    it(`refuses ${JSON.stringify(input)}`, () => {
      expect(hwlatOptions.safeParse(input).success).to.equal(false);
    });
});

describe('kind N: hardware-latency with rtla hwnoise', () => {
  const options = hwnoiseOptions.parse({ tool: 'hwnoise', duration: '5s' });
  const header = `                                          Hardware-related Noise
duration:   0 00:00:05 | time is in us
CPU Period       Runtime        Noise  % CPU Aval   Max Noise   Max Single          HW          NMI
`;
  const table = `${header}  1 #5           3750000          412   99.98901         130           38         205            3 
  2 #5           3750000            0  100.00000           0            0           0            0 
`;

  it('runs it quietly for as long as asked', () => {
    expect(hwnoiseArgv(options, '1-2').join(' ')).to.equal('rtla hwnoise -q -c 1-2 -d 5');
    expect(hwnoiseArgv({ ...options, threshold: 20_000 }, '1').at(-1)).to.equal('20');
  });

  it('has each CPU, one without noise too', () => {
    const metrics = parseHwnoise(table);
    expect(values(metrics)).to.deep.equal([
      ['gaps', '1', 208],
      ['longest', '1', 38_000],
      ['watched', '1', 3_750_000_000],
      ['gaps', '2', 0],
      ['longest', '2', 0],
      ['watched', '2', 3_750_000_000],
    ]);
    expect(shortfalls({ metrics, duration: 5e9, expected: hwnoiseExpected(options, [1, 2]) })).to.deep.equal([]);
    expect(shortfalls({ metrics, duration: 5e9, expected: hwnoiseExpected(options, [1, 3]) })).to.have.length(1);
    expect(
      shortfalls({ metrics, duration: 9e9, expected: hwnoiseExpected({ ...options, duration: 9e9 }, [1]) }),
    ).to.have.length(1);
  });

  for (const [what, from, to] of [
    ['a share that is not what is left', '99.98901', '99.90000'],
    ['a longest above the most of a period', '          38 ', '         380 '],
    ['noise above its runtime', '         412 ', '     4120000 '],
    ['noise and nobody who made it', '205            3', '  0            0'],
    ['a CPU twice', '  2 #5', '  1 #5'],
    ['more noise than its periods have', '130 ', ' 82 '],
    ['a runtime that its periods have no room for', '3750000            0', '9750000            0'],
    ['more gaps than us of noise', '205            3', '805            3'],
    ['gaps, and a longest of nothing', '          38 ', '           0 '],
  ] as const)
    it(`takes for an error: ${what}`, () => {
      expect(table).to.contain(from);
      expect(() => parseHwnoise(table.replace(from, to))).to.throw(Kvm4nfvError, 'rtla hwnoise: CPU');
    });

  it('has nothing of a table that was cut off', () => {
    expect(parseHwnoise(header)).to.deep.equal([]);
  });
});

describe('scenario hardware-latency', () => {
  it('takes the tracer where no tool is named, and previews both', () => {
    const options = hardwareLatency.options.parse({});
    expect(options).to.include({ tool: 'hwlat', duration: 60e9 });
    for (const tool of ['hwlat', 'hwnoise']) {
      const parsed = hardwareLatency.options.parse({ tool });
      expect(hardwareLatency.preview(parsed).commands).to.have.length(1);
      expect(hardwareLatency.needs(parsed).map(({ kind }) => kind)).to.include('root');
    }
  });
});
