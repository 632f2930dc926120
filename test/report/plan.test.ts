import { expect } from 'chai';
import { builtins } from '../../lib/builtins.js';
import { planSteps, planTest } from '../../lib/report/plan.js';
import { defineScenario, z } from '../../lib/plugin.js';
import { planSuite } from '../../lib/suite/plan.js';
import { load } from '../suite/files.js';
import { expectGolden } from '../support/golden.js';

/** Hosts, contexts and tests as `plan` prints them. */
const planOf = async (text: string): Promise<string> => {
  const plan = planSuite(await load(text, { registry: builtins(), env: { SECRET: "hunt'er2" } }));
  const tests = [...plan.tests()].map((test) => {
    const { name, steps } = planTest(plan, test);
    return [`test ${name}`, ...steps.map((step) => `  ${step}`)].join('\n');
  });
  return `${[await planSteps(plan), ...tests].join('\n')}\n`;
};

const tuned = `
suite: tuned
hosts: { node1: { address: "\${env:SECRET}" } }
contexts:
  set-and-put-back:
    type: bare-metal
    host: node1
    provision: true
    tuning:
      profile: kvm4nfv
      with: { isolated_cpus: 2-5 }
      knobs: { stat-interval: 120, smt: keep, hugepages: [{ size: 1GiB, count: 4, node: 1 }] }
      reboot: true
  guest:
    type: kvm-guest
    host: set-and-put-back
    tuning: { profile: realtime-guest, with: { isolated_cpus: 1 }, reboot: true, restore_boot: false }
  not-rebooted: { type: bare-metal, tuning: { knobs: { stat-interval: 120, idle-loop: poll } } }
  at-once: { type: bare-metal, tuning: { knobs: { stat-interval: 120 } } }
  looked-at: { type: bare-metal, tuning: { profile: observe } }
tests:
  - { name: t, scenario: timer, context: guest }
`;

const run = `
suite: run
hosts: { node1: { address: 192.0.2.10 } }
contexts:
  metal: { type: bare-metal, host: node1, provision: true }
  guest: { type: kvm-guest, host: metal }
defaults: { context: guest }
tests:
  - name: loaded
    scenario: timer
    options: { duration: 5s }
    load:
      - { stressor: vm, memory: 64MiB, workers: 2 }
      - { host: guest, stressor: cpu, percent: 50 }
      - { host: metal, stressor: hdd, workers: 1 }
      - { host: local, stressor: io, workers: 1 }
      - { host: local, stressor: none }
  - name: until
    scenario: timer
    runner: { type: iteration, until: { metric: p99.9, confidence: 0.99, within: 0.025 }, stop_on: max > 1ms, pause: 1500ms }
  - name: timed
    scenario: timer
    runner: { type: duration, duration: 12h, stop_on: 'over(100us) > 0' }
  - name: swept
    scenario: timer
    options: { tool: oslat }
    runner: { type: sweep, over: { cpus: ['1', 2-3], bias: [true] }, pause: 10s, warm_up: 1 }
    sla: [p99 <= 20us, { expression: max <= 50us, severity: warn }]
`;

describe('the plan of a run', () => {
  it('tells how each context is tuned, and what becomes of that at the end', async () => {
    const text = await planOf(tuned);
    expect(text).to.not.include('er2');
    await expectGolden(text, 'report/plan-tuned.txt');
  });

  it('hides a secret in a command before it is quoted, which could put a quote into its middle', async () => {
    const secret = "hunt'er2";
    const scenario = defineScenario<{ word: string }>({
      type: 'says',
      summary: 'Says a word',
      options: z.strictObject({ word: z.string() }),
      metrics: () => [],
      needs: () => [],
      preview: ({ word }) => ({ commands: [['say', word, `--word=${word}`]] }),
      measure: () => Promise.reject(new Error('is never measured')),
    });
    const registry = builtins();
    registry.add(scenario);
    const text =
      "suite: s\ncontexts: { m: { type: bare-metal } }\ntests:\n  - { name: t, scenario: says, context: m, options: { word: '${env:SECRET}' } }\n";
    const plan = planSuite(await load(text, { registry, env: { SECRET: secret } }));
    const lines = [...plan.tests()].flatMap((test) => planTest(plan, test).steps);
    const command = lines.find((line) => line.startsWith('run:')) ?? 'none';
    expect(command).to.match(/^run: say /);
    for (const part of ['hunt', 'er2']) expect(command).to.not.contain(part);
  });

  it('tells what machines must have, how trials follow one another, loads and commands', () =>
    planOf(run).then((text) => expectGolden(text, 'report/plan-run.txt')));
});
