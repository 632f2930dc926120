import { readFile, writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { rejection } from '../../support/rejection.js';
import { GuestRun, needGuests } from './guests.js';
import { qemusOf, traces } from './traces.js';

const pool = '/sys/kernel/mm/hugepages/hugepages-2048kB';
const read = async (name: string): Promise<number> => Number(await readFile(`${pool}/${name}`, 'utf8'));
const pages = 512 / 2;
const asked = { cpus: 0, hugepages: '2MiB', warm: false };

describe('A guest on huge pages', function () {
  this.timeout(10 * 60_000);

  /** With so many huge pages that nobody uses; afterwards the machine has as many as before. */
  const withPages = async (free: number, body: (run: GuestRun) => Promise<void>): Promise<void> => {
    const was = await read('nr_hugepages');
    await writeFile(`${pool}/nr_hugepages`, String(was - (await read('free_hugepages')) + free));
    try {
      await using run = await GuestRun.open('huge');
      await body(run);
    } finally {
      await writeFile(`${pool}/nr_hugepages`, String(was));
    }
  };

  before(async function () {
    await needGuests(this);
    if (process.getuid?.() !== 0) this.skip();
  });

  it('has its memory in them and its vCPU where it was pinned', async function () {
    await withPages(pages, async (run) => {
      if ((await read('free_hugepages')) < pages) this.skip();
      const guest = await run.deploy('huge', asked);
      const [pid = 0] = qemusOf(`${run.run}/huge/`);
      const huge = [...(await readFile(`/proc/${String(pid)}/smaps`, 'utf8')).matchAll(/Private_Hugetlb: +(\d+) kB/g)];
      expect(huge.reduce((sum, [, kB]) => sum + Number(kB), 0)).to.equal(512 * 1024);
      expect(guest.traits['vcpus']).to.equal('0');
      await guest[Symbol.asyncDispose]();
      expect(traces(run.run)).to.deep.equal([]);
    });
  });

  it('is refused where there are too few of them, with how many there are', async () => {
    await withPages(pages - 1, async (run) => {
      const error = await rejection(run.deploy('huge', asked));
      expect(error).to.include({ fault: 'environment' });
      expect(String(error)).to.match(/256 .*2 ?MiB|2048 kB/);
      expect(traces(`${run.run}/huge`)).to.deep.equal([]);
    });
  });
});
