import { expect } from 'chai';
import { againAfterReboot, noReboot } from '../../../lib/contexts/sriov-vf/reboots.js';
import type { ExternalCommandLine } from '../../../lib/tuning/bootloader.js';
import { rejection } from '../../support/rejection.js';

describe('a tuning that reboots', () => {
  it('is refused where a reboot would take the VFs away, and says what to tune instead', async () => {
    const commandLine = noReboot('vf', 'a reboot of the host takes VFs away: tune the context beneath it');
    for (const work of [() => commandLine.configured(), () => commandLine.set('isolcpus=2')])
      expect(await rejection(work())).to.deep.include({
        fault: 'usage',
        message:
          'context vf: its tuning needs a reboot, and a reboot of the host takes VFs away: tune the context beneath it',
      });
  });

  it('is refused for a guest that boots by its own loader', async () => {
    const commandLine = againAfterReboot('vf', {}, () => Promise.resolve());
    expect(await rejection(commandLine.configured())).to.have.property('fault', 'usage');
  });

  it('has the devices of a guest set up again, after the guest itself was looked at', async () => {
    const told: string[] = [];
    const tell = (word: string) => () => Promise.resolve(void told.push(word));
    const own: ExternalCommandLine = {
      configured: () => Promise.resolve('quiet'),
      set: () => Promise.resolve(),
      reboot: tell('reboot'),
      rebooted: tell('guest'),
    };
    const commandLine = againAfterReboot('vf', { commandLine: own }, tell('devices'));
    expect(await commandLine.configured()).to.equal('quiet');
    await commandLine.reboot?.();
    await commandLine.rebooted?.();
    expect(told).to.deep.equal(['reboot', 'guest', 'devices']);
  });
});
