import { expect } from 'chai';
import { readdirSync } from 'node:fs';
import { parse } from 'yaml';
import { builtinKnobs, knobsByName } from '../../lib/tuning/knobs/index.js';
import { loadProfiles, resolveTuning } from '../../lib/tuning/profile.js';
import { tuningSchema } from '../../lib/tuning/tuning-schema.js';
import { suiteLine } from '../../lib/doctor/knob-findings.js';
import { knobCosts } from '../../lib/doctor/costs/table.js';
import { examine, type Readiness } from '../../lib/doctor/examine.js';
import { byCost, severityOf, uses } from '../../lib/doctor/finding.js';
import { renderReadinessMarkdown } from '../../lib/doctor/render-markdown.js';
import { renderReadinessText } from '../../lib/doctor/render-text.js';
import { tuningOf } from '../tuning/machine.js';
import { recordedMachine } from '../tuning/recorded.js';

const machines = readdirSync(new URL('../fixtures/tuning/machines/', import.meta.url)).map((file) =>
  file.replace(/\.txt$/, ''),
);

const all = async (): Promise<readonly (readonly [string, Readiness])[]> => {
  const found: (readonly [string, Readiness])[] = [];
  for (const machine of machines)
    for (const use of uses)
      for (const isolated of [undefined, '3-4']) {
        const profile = use === 'dpdk' ? 'observe-dpdk' : 'observe';
        const tuning = await tuningOf({ profile, with: isolated === undefined ? {} : { isolated_cpus: isolated } });
        found.push([`${machine} ${use} ${isolated ?? ''}`, await examine(recordedMachine(machine).host, tuning)]);
      }
  return found;
};

describe('findings of doctor', () => {
  let looked: readonly (readonly [string, Readiness])[] = [];
  before(async function () {
    this.timeout(60_000);
    looked = await all();
  });

  it('are ordered by what they cost, and so by their severity', () => {
    for (const [machine, { findings }] of looked) {
      const costs = findings.map(({ cost }) => cost?.most ?? 0);
      expect(costs, machine).to.deep.equal([...costs].sort((a, b) => b - a));
      const ranks = findings.map(({ severity }) => ['critical', 'major', 'minor', 'info'].indexOf(severity));
      expect(ranks, machine).to.deep.equal([...ranks].sort((a, b) => a - b));
    }
  });

  it('have figures that fit their severity, and say where they come from', () => {
    for (const [machine, { findings }] of looked)
      for (const { check, severity, cost, what, costs, mend } of findings) {
        expect(severity, `${machine} ${check}`).to.equal(severityOf(cost));
        expect(
          [what, costs, mend].every((text) => /\w/.test(text) && !/undefined|NaN/.test(text)),
          what,
        ).to.equal(true);
        if (cost === undefined) continue;
        expect(cost.least, `${machine} ${check}`).to.be.greaterThan(0).and.to.be.at.most(cost.most);
        expect(cost.source, check).to.match(/\w{4}/);
      }
  });

  it('are said once', () => {
    for (const [machine, { findings }] of looked) {
      const said = findings.map(({ check, what }) => `${check}: ${what}`);
      expect(said, machine).to.deep.equal([...new Set(said)]);
    }
  });

  it('keep equals in their order when they are ordered', () => {
    const cost = { least: 1, most: 2, source: 'test' };
    const finding = (check: string, own?: typeof cost) =>
      ({
        check,
        severity: 'info',
        what: '',
        costs: '',
        mend: '',
        ...(own === undefined ? {} : { cost: own }),
      }) as const;
    const ordered = byCost([
      finding('a'),
      finding('b', cost),
      finding('c', cost),
      finding('d'),
      finding('e', { ...cost, most: 3 }),
    ]);
    expect(ordered.map(({ check }) => check).join('')).to.equal('ebcad');
  });

  it('say what a suite writes, and a suite takes it', async () => {
    const [profiles, knobs] = [await loadProfiles(), knobsByName()];
    const lines = new Set(looked.flatMap(([, { findings }]) => findings.flatMap(({ suite }) => suite ?? [])));
    for (const profile of profiles.values())
      for (const [knob, value] of Object.entries(profile.knobs)) lines.add(suiteLine(knob, value));
    expect(lines.size).to.be.greaterThan(30);
    for (const line of lines) {
      const spec = tuningSchema.parse({ ...(parse(line) as object), with: { isolated_cpus: '2-3' } });
      const { knobs: resolved } = resolveTuning(spec, profiles, knobs);
      expect(resolved.length + Object.values(spec.knobs).filter((value) => value === 'keep').length, line).to.equal(1);
    }
  });

  it('show their figures and sources in the tables, and none of them twice', () => {
    const [, readiness] = looked.find(([machine]) => machine.startsWith('amd-epyc-nps4 realtime')) ?? [];
    if (readiness === undefined) throw new Error('no EPYC');
    const text = renderReadinessText(readiness);
    expect(text).to.include('costs: 800 us. ');
    expect(text.split('\n').at(-1)).to.match(/^To see what a tuning would change: kvm4nfv tune plan /);
    const rows = renderReadinessMarkdown(readiness)
      .split('\n')
      .filter((line) => line.startsWith('| '));
    const columns = rows.filter((line) => line.startsWith('| major')).map((line) => line.split(/(?<!\\)\|/).length);
    expect(new Set(columns)).to.deep.equal(new Set([10]));
  });

  it('know what each knob of a profile for hosts costs', async () => {
    const here = ['c-states', 'cpu-wakeup-latency', 'skew-tick', 'clocksource', 'swappiness'];
    for (const profile of ['observe', 'observe-dpdk', 'kvm4nfv']) {
      const { knobs } = await tuningOf({ profile, with: { isolated_cpus: '2-3' } });
      const unknown = knobs.map(({ knob }) => knob.name).filter((name) => !(name in knobCosts) && !here.includes(name));
      expect(
        unknown.filter((name) => !['hugetlbfs'].includes(name)),
        profile,
      ).to.deep.equal([]);
    }
    expect(builtinKnobs.length).to.be.greaterThan(50);
  });
});
