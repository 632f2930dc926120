import { expect } from 'chai';
import { examine } from '../../lib/doctor/examine.js';
import { simulatedServer, tuningOf } from '../tuning/machine.js';

const header = 'Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n';

describe('swap, as doctor sees it', () => {
  const swapsOf = async (text: string | undefined): Promise<readonly string[]> => {
    const files = text === undefined ? {} : { '/proc/swaps': text };
    const { findings } = await examine(simulatedServer({ files }).host, await tuningOf({ profile: 'observe' }));
    return findings.filter(({ check }) => check === 'swap').map(({ what }) => what);
  };

  it('is none where the kernel lists none: the heading alone is no swap', async () => {
    expect(await swapsOf(header)).to.deep.equal([]);
    expect(await swapsOf(undefined)).to.deep.equal([]);
  });

  it('is told with its size and what of it is used', async () => {
    expect(await swapsOf(`${header}/dev/sda2 partition\t1000444\t\t0\t\t-2\n`)).to.have.length(1);
    expect((await swapsOf(`${header}/dev/sda2 partition\t1000444\t\t2048\t\t-2\n`)).join()).to.contain(
      '/dev/sda2, 977 MiB, 2 MiB used',
    );
  });
});
