import { mkdtemp, rm } from 'node:fs/promises';
import { expect } from 'chai';
import { built, cli, eventsIn, inDirectory, resultIn, runsIn, writeSuite } from '../../cli/cli.js';
import { makeCloudImage, noCloudImages } from '../../support/cloud-image.js';
import { noGuests } from './guests.js';
import { traces } from './traces.js';

describe('A cloud image, made here of the archives of Debian', function () {
  this.timeout(40 * 60_000);
  let directory: string | undefined;

  before(async function () {
    const reason = (await noGuests()) ?? noCloudImages();
    if (reason !== undefined) {
      console.log(`    no cloud image: ${reason}`);
      this.skip();
    }
    await built();
    // Not below /tmp, which is memory on many machines.
    directory = await mkdtemp('/var/tmp/kvm4nfv-test-cloud-');
  });
  after(async () => {
    if (directory !== undefined) await rm(directory, { recursive: true });
  });

  it('is measured in by its own user, who is made by cloud-init and becomes root by sudo', async () => {
    const image = await makeCloudImage(directory ?? '');
    await inDirectory(async (at) => {
      const suite = {
        suite: 'cloud-image',
        contexts: {
          guest: {
            type: 'kvm-guest',
            vcpus: 1,
            memory: '512MiB',
            boot_timeout: '15m',
            image: { ...image, user: 'tester' },
          },
        },
        tests: [
          {
            name: 'timer',
            scenario: 'timer',
            context: 'guest',
            options: { tool: 'cyclictest', cpus: 0, loops: 200, histogram: '100ms', break: 'none' },
            sla: 'samples >= 200',
          },
        ],
      };
      const { code, stdout, stderr } = await cli(['run', await writeSuite(at, JSON.stringify(suite))], { cwd: at });
      expect(code, stdout + stderr).to.equal(0);
      const [run = ''] = await runsIn(at);
      const result = await resultIn(at, run);
      expect(result.tests[0]).to.include({ verdict: 'pass', context: 'guest' });
      expect(result.contexts['guest']?.facts?.user).to.include({ name: 'tester', root: false, sudo: true });
      const stages = (await eventsIn(at, run)).flatMap((event) => (event.type === 'context-stage' ? event.stage : []));
      expect(stages).to.include('waiting for the end of the boot');
      expect(traces(run)).to.deep.equal([]);
    });
  });
});
