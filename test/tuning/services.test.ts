import { expect } from 'chai';
import type { SimulatedHost } from '../../lib/host/simulated.js';
import { applyTuning } from '../../lib/tuning/engine.js';
import { restoreRun } from '../../lib/tuning/restore.js';
import { tuningOf } from './machine.js';
import { recordedMachine } from './recorded.js';

const swappiness = '/proc/sys/vm/swappiness';

/** A host on which tuned is active and has set swappiness to 10: stopped it rolls back to 60, started it sets it again. */
const tunedHost = (applies: boolean): SimulatedHost => {
  let active = true;
  const set = (value: string): void => {
    host.files.set(swappiness, value);
  };
  const { host } = recordedMachine('base-intel-2s', {
    files: { [swappiness]: '10\n', '/proc/sys/vm/stat_interval': '1\n' },
    commands: {
      systemctl: ([, verb]) => {
        if (verb === 'is-active') return active ? 'active\n' : { exitCode: 3, stdout: 'inactive\n' };
        active = verb === 'start';
        if (!active) set('60\n');
        else if (applies) set('10\n');
        return '';
      },
    },
  });
  return host;
};
const tuning = (): ReturnType<typeof tuningOf> =>
  tuningOf({ profile: 'none', knobs: { services: ['tuned.service'], swappiness: 10, 'stat-interval': 10 } });

describe('a host that tuned has tuned', () => {
  it('ends as tuned had it, told who set what; and a restore once more takes nothing away', async () => {
    const host = tunedHost(true);
    const applied = await applyTuning(host, 'run-1', await tuning());
    expect(applied.results.map(({ state }) => state)).to.deep.equal(['ok', 'ok', 'ok']);
    const { complete, places } = await applied.restore();
    expect(complete).to.equal(true);
    expect(places.find(({ knob }) => knob === 'swappiness')).to.deep.include({
      fate: 'foreign',
      detail: 'was 60 and was put back, now 10: tuned.service, started again, has set it',
    });
    await restoreRun(host, 'run-1');
    expect([host.files.get(swappiness), host.files.get('/proc/sys/vm/stat_interval')?.trim()]).to.deep.equal(['10\n', '1']); // prettier-ignore
  });

  it('is put back wholly where tuned sets its values later', async () => {
    const host = tunedHost(false);
    const applied = await applyTuning(host, 'run-1', await tuning());
    const { complete, places } = await applied.restore();
    expect([complete, ...new Set(places.map(({ fate }) => fate))]).to.deep.equal([true, 'restored']);
  });
});
