import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { RunEvent } from '../../../lib/run/event.js';
import { built, Cli, cli, eventsIn, inDirectory, runsIn, writeSuite } from '../../cli/cli.js';
import { Dut } from './lab.js';
import { eventually } from '../../support/eventually.js';

const stage =
  (text: string) =>
  (event: RunEvent): boolean =>
    event.type === 'context-stage' && event.stage.startsWith(text);

const points: Readonly<Record<string, (event: RunEvent) => boolean>> = {
  'it looks at the NICs': stage('looking at NICs'),
  'it makes VFs': stage('making'),
  'it sets them up': stage('setting up'),
  'it measures': ({ type }) => type === 'trial-started',
};
/** Milliseconds after the first look at the NICs, between which such a deployment changes things. */
const moments = [900, 2300];

describe('A run with VFs on a host behind SSH whose controller is killed', function () {
  this.timeout(10 * 60_000);
  let dut: Dut;
  let untouched: string;

  before(async function () {
    dut = await Dut.needed(this);
    await built();
    untouched = await dut.snapshot();
  });
  after(async () => {
    await (dut as Dut | undefined)?.[Symbol.asyncDispose]();
  });

  const suite = (): string =>
    JSON.stringify({
      suite: 'killed',
      hosts: { dut: dut.machine.spec },
      contexts: {
        vf: {
          type: 'sriov-vf',
          host: 'dut',
          in: 'namespace',
          pfs: [
            { pf: 'ens101', vfs: [{ vlan: 100, mac: '52:54:00:99:00:05' }, { trust: true }] },
            { pf: 'ens102', vfs: [{ vlan: 7 }] },
          ],
        },
      },
      tests: [
        {
          name: 'timer',
          scenario: 'timer',
          context: 'vf',
          options: { tool: 'cyclictest', cpus: 0, loops: 3_600_000, histogram: '100ms', break: 'none' },
        },
      ],
    });

  const killed = (reached: (event: RunEvent) => boolean, later = 0): Promise<void> =>
    inDirectory(async (directory) => {
      const child = new Cli(['run', await writeSuite(directory, suite())], { cwd: directory });
      const run = await eventually(
        'the run to get there',
        async () => {
          const [name] = await runsIn(directory);
          return name !== undefined && (await eventsIn(directory, name)).some(reached) ? name : undefined;
        },
        { within: 10 * 60_000 },
      );
      await sleep(later);
      child.kill('SIGKILL');
      expect(await child.ended).to.include({ signal: 'SIGKILL' });
      const { code, stdout, stderr } = await cli(['cleanup'], { cwd: directory });
      expect(code, stdout + stderr).to.equal(0);
      expect(stdout).to.contain(run);
      expect(await dut.snapshot()).to.equal(untouched);
    });

  for (const [what, reached] of Object.entries(points))
    it(`has left nothing after cleanup: killed while ${what}`, () => killed(reached));
  for (const later of moments)
    it(`has left nothing after cleanup: killed ${String(later)} ms later`, () =>
      killed(stage('looking at NICs'), later));
});
