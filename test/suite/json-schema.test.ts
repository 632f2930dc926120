import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { expect } from 'chai';
import { parse } from 'yaml';
import { builtins } from '../../lib/builtins.js';
import { suiteJsonSchema } from '../../lib/suite/json-schema.js';
import { load, mistakesIn } from './files.js';
import { registry } from './registry.js';

const compiled = (schema: object): ValidateFunction =>
  new Ajv2020({ strict: false, allErrors: true, validateFormats: false }).compile(schema);

// The example of the design, tuning apart.
const example = `# yaml-language-server: $schema=./node_modules/kvm4nfv/schema/suite.schema.json
suite: cyclictest-matrix
hosts:
  local: {}                                    # this machine
  node1: { address: 192.0.2.10, user: root, identity: ~/.ssh/id_ed25519, jump: gate }
  gate: { address: 192.0.2.1, user: ops }
contexts:
  metal: { type: bare-metal, host: node1 }
  guest: { type: kvm-guest, host: node1, vcpus: 2, memory: 1GiB, image: debian-12-rt }
defaults:
  runner: { type: iteration, count: 3 }
tests:
  - name: timer-\${load}                        # one generated test per value
    scenario: timer
    context: guest
    tags: [daily]
    options: { tool: cyclictest, interval: 1ms, duration: 60s, priority: 99, cpus: 1 }
    load: { host: node1, stressor: "\${load}", cpus: 4-5 }
    matrix: { load: [none, cpu, vm, io] }
    sla: [ "p99.99 <= 20us", "max <= 50us", { expression: "max <= 15us", severity: warn } ]
`;

describe('the JSON Schema of suites', () => {
  let validate: ValidateFunction;

  before(async () => {
    validate = compiled(await suiteJsonSchema(registry()));
  });

  it('accepts the example of the design, as loading does', async () => {
    expect(validate(parse(example)), JSON.stringify(validate.errors)).to.equal(true);
    expect([...(await load(example)).tests()].map(({ name }) => name)).to.deep.equal([
      'timer-none',
      'timer-cpu',
      'timer-vm',
      'timer-io',
    ]);
  });

  for (const [right, wrong] of [
    ['suite: cyclictest-matrix', 'suite: 7'],
    ['suite: cyclictest-matrix', 'suit: x'],
    ['user: root', 'usr: root'],
    ['type: bare-metal', 'type: bare-metl'],
    ['vcpus: 2', 'vcpus: two'],
    ['vcpus: 2', 'vcpu: 2'],
    ['memory: 1GiB', 'memory: 1GiBi'],
    ['type: kvm-guest, host: node1', 'type: kvm-guest, host: node1, provision: maybe'],
    ['count: 3', 'count: 0'],
    ['count: 3', 'cuont: 3'],
    ['type: iteration', 'type: iteraton'],
    ['scenario: timer', 'scenario: tiemr'],
    ['scenario: timer', 'scenari: timer'],
    ['tags: [daily]', 'tags: daily'],
    ['interval: 1ms', 'interval: 1 parsec'],
    ['interval: 1ms', 'intervall: 1ms'],
    ['priority: 99', 'priority: 100'],
    ['cpus: 4-5', 'cpus: 4..5'],
    ['stressor: "${load}"', 'stressor: coffee'],
    ['matrix: { load: [', 'matrix: { lad: 3, load: ['],
    ['severity: warn', 'severity: wrn'],
  ] as const)
    it(`refuses '${wrong}', as loading does`, async () => {
      const text = example.replace(right, wrong);
      expect(text).to.not.equal(example);
      expect(validate(parse(text))).to.equal(false);
      expect(await mistakesIn(text)).to.match(/error: /);
    });

  it('lets a substitution stand for a value of any type', () => {
    for (const [literal, placeholder] of [
      ['count: 3', 'count: "${n}"'],
      ['vcpus: 2', 'vcpus: "${n}"'],
      ['memory: 1GiB', 'memory: "${n}GiB"'],
      ['scenario: timer', 'scenario: "${s}"'],
      ['runner: { type: iteration, count: 3 }', 'runner: "${runner}"'],
    ] as const)
      expect(validate(parse(example.replace(literal, placeholder))), placeholder).to.equal(true);
  });

  it('describes keys and offers the types with their summaries', async () => {
    const text = JSON.stringify(await suiteJsonSchema(registry()));
    for (const said of [
      'The host itself',
      'Timer latency',
      'The same trial again and again',
      'Private key file',
      'SSH port',
    ])
      expect(text).to.include(said);
  });

  it('has no reference that leads nowhere, for the built-in definitions too', async () => {
    const schema = await suiteJsonSchema(builtins());
    const definitions = Object.keys(schema['$defs'] as object);
    const references = [...JSON.stringify(schema).matchAll(/"\$ref":"#\/\$defs\/([^"]+)"/g)].map(([, name]) => name);
    expect(references.length).to.be.greaterThan(0);
    expect(definitions).to.include.members(references);
    expect(compiled(schema)(parse(example.replace('type: kvm-guest', 'type: bare-metal')))).to.equal(false);
  });
});
