import { effectsOfKnobs, wholeProfile } from './effects.js';
import { startLabMachine, type LabMachine } from './lab-machine.js';
import { killsOfTheController } from './kills.js';
import { ticksOfBusyCpus } from './tick.js';

describe('Tuning an emulated host', function () {
  this.timeout(300_000);
  let lab: LabMachine | undefined;
  before(async function () {
    const started = await startLabMachine();
    if (typeof started === 'string') {
      console.log(`    skipped: ${started}`);
      this.skip();
    }
    lab = started;
  });
  after(async () => {
    await lab?.[Symbol.asyncDispose]();
  });
  const machine = (): LabMachine => {
    if (lab === undefined) throw new Error('the emulated host is not there');
    return lab;
  };

  wholeProfile(machine);
  effectsOfKnobs(machine);
  killsOfTheController(machine);
  ticksOfBusyCpus(machine);
});
