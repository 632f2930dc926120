import { expect } from 'chai';
import { examine } from '../../lib/doctor/examine.js';
import { tuningOf } from '../tuning/machine.js';
import { recordedMachine } from '../tuning/recorded.js';
import { distribution } from './cases/distribution.js';
import { here } from './cases/here.js';
import { interrupts } from './cases/interrupts.js';
import { isolation } from './cases/isolation.js';
import { memory } from './cases/memory.js';
import { processor } from './cases/processor.js';
import { use } from './cases/use.js';
import { virtualisation } from './cases/virtualisation.js';

const cases = [
  ...use,
  ...here,
  ...isolation,
  ...interrupts,
  ...processor,
  ...memory,
  ...virtualisation,
  ...distribution,
];

describe('doctor on machines of others', () => {
  for (const {
    it: title,
    machine,
    isolated,
    profile = 'observe',
    says = [],
    spares = [],
    checklist = {},
    also,
    ...own
  } of cases)
    it(title, async () => {
      const { host } = recordedMachine(machine, own);
      const readiness = await examine(
        host,
        await tuningOf({ profile, with: isolated === undefined ? {} : { isolated_cpus: isolated } }),
      );
      const { findings } = readiness;
      const all = findings.map(({ severity, check, what }) => `${severity} ${check}: ${what}`).join('\n');
      for (const { check, severity, what = /(?:)/, mend = /(?:)/ } of says) {
        const found = findings.find((finding) => finding.check === check && what.test(finding.what));
        expect(found, `${check} ${String(what)} in\n${all}`).not.to.equal(undefined);
        expect(found?.mend).to.match(mend);
        if (severity !== undefined) expect(found?.severity, check).to.equal(severity);
      }
      expect(
        findings.filter(({ check }) => spares.includes(check)).map(({ check, what }) => `${check}: ${what}`),
      ).to.deep.equal([]);
      const states = Object.fromEntries(readiness.checklist.map(({ setting, state }) => [setting, state]));
      expect(states).to.include(checklist);
      also?.(readiness);
    });
});
