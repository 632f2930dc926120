import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { Kvm4nfvError } from '../../lib/error.js';
import { hwlatError, lostWindows, parseHwlat, parseWatched } from '../../lib/trace/hwlat.js';

const recorded = readFileSync(new URL('../fixtures/hwlat/linux-6.1-rt-per-cpu.txt', import.meta.url), 'utf8');

describe('what the hwlat tracer writes', () => {
  it('is counted by gaps and not by windows', () => {
    const line =
      '   <...>-1729  [001] d...  678.473449: #1  inner/outer(us):   11/12   ts:1581527483.343962693 count:6\n';
    expect(parseHwlat(line)).to.deep.equal([{ cpu: 1, gaps: 6, longest: 12 }]);
    expect(parseHwlat(line.replace(' count:6', ''))).to.deep.equal([{ cpu: 1, gaps: 1, longest: 12 }]);
    expect(parseHwlat(line.replace(' [001]', ''))).to.deep.equal([{ cpu: undefined, gaps: 6, longest: 12 }]);
  });

  it('is nothing where the tracer saw nothing', () => {
    expect(parseHwlat('# tracer: hwlat\n#\n#     TASK-PID    CPU#  |||||  TIMESTAMP  FUNCTION\n')).to.deep.equal([]);
  });

  it('is known by CPU, as is for how long each was watched', () => {
    const windows = parseHwlat(recorded);
    expect(windows).to.have.length(15);
    expect(windows.filter(({ cpu }) => cpu === 0)).to.have.length(8);
    expect(windows.reduce((sum, { gaps }) => sum + gaps, 0)).to.equal(965);
    expect(Math.max(...windows.map(({ longest }) => longest))).to.equal(115_360);
    expect([...parseWatched(recorded)]).to.deep.equal([
      [0, 3_648_685_957],
      [1, 3_105_963_665],
    ]);
  });

  it('is told to be lost where the buffer was written over', () => {
    expect(lostWindows(recorded)).to.equal(0);
    expect(lostWindows(recorded.replace('15/15', '15/40'))).to.equal(25);
    expect(lostWindows('')).to.equal(0);
  });

  it('is an error of the environment where there is no tracer, or somebody uses it', () => {
    expect(hwlatError('node1', 0, '')).to.equal(undefined);
    expect(hwlatError('node1', 69, ''))
      .to.be.instanceOf(Kvm4nfvError)
      .and.include({ fault: 'environment' });
    expect(String(hwlatError('node1', 75, 'osnoise\n'))).to.contain('in use there (osnoise)');
    expect(hwlatError('node1', 1, '')).to.include({ fault: 'tool' });
    expect(hwlatError('node1', undefined, '')).to.include({ fault: 'tool' });
  });
});
