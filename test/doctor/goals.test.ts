import { expect } from 'chai';
import { readFile } from 'node:fs/promises';
import { builtins } from '../../lib/builtins.js';
import { goals } from '../../lib/doctor/goals/figures.js';
import { goalsPage } from '../../lib/doctor/goals/page.js';
import { areas } from '../../lib/doctor/goals/requirements.js';
import { parseSla } from '../../lib/sla/parse.js';

/** The items of the KVM4NFV requirements under "Configurations that can be made", word for word. */
const items = {
  'Platform configuration': ['Power management', 'Hyper-Threading', 'Legacy USB Support/Port 60/64 Emulation', 'SMI'],
  'Operating system configuration': [
    'CPU isolation',
    'Memory allocation',
    'IRQ affinity',
    'Device assignment for VM',
    'Tickless',
    'TSC',
    'Idle',
    'RCU_NOCB',
    'Disable the RT throttling',
    'NUMA',
  ],
  'Performance and latency tuning': [
    'timers',
    'Making vfio MSI interrupt as non-threaded',
    'Cache Allocation Technology(CAT) enabling',
  ],
};

/** The first word or two, enough to tell them apart. */
const key = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, ' ')
    .trim()
    .slice(0, 5)
    .trim();

describe('the page of goals', () => {
  it('covers every item of the requirements, in their order, each with a goal and with something to do', () => {
    expect(areas.map(({ title }) => title)).to.deep.equal(Object.keys(items));
    for (const { title, requirements } of areas) {
      const wanted = items[title as keyof typeof items];
      expect(requirements.map((requirement) => key(requirement.title))).to.deep.equal(wanted.map(key));
      for (const { title: name, knobs, firmware = [], goals: reached } of requirements) {
        expect(knobs.length + firmware.length, name).to.be.greaterThan(0);
        expect(reached, name).not.to.be.empty;
      }
    }
  });

  it('writes goals as limits that a suite takes', () => {
    for (const goal of Object.values(goals))
      for (const limit of 'sla' in goal ? goal.sla : []) expect(parseSla(limit).ok, limit).to.equal(true);
  });

  it('is in docs/goals.md as the code has it now', async () => {
    const registry = builtins();
    await registry.load();
    const page = await goalsPage(new Set(registry.all('scenario').map(({ type }) => type)));
    const written = await readFile(new URL('../../docs/goals.md', import.meta.url), 'utf8');
    expect(written === page, 'npx tsx scripts/goals.ts').to.equal(true);
    for (const { requirements } of areas)
      for (const { title } of requirements) expect(page).to.include(`### ${title}\n`);
  });
});
