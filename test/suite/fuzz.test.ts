import { expect } from 'chai';
import fc from 'fast-check';
import { isMap, isScalar, isSeq, parseDocument, visit, type Document } from 'yaml';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pLimit from 'p-limit';
import { builtins } from '../../lib/builtins.js';
import { Kvm4nfvError } from '../../lib/error.js';
import { planSteps, planTest } from '../../lib/report/plan.js';
import { estimate } from '../../lib/run/estimate.js';
import { SuiteError } from '../../lib/suite/suite-error.js';
import { loadSuite, type LoadedSuite } from '../../lib/suite/load.js';
import { planSuite } from '../../lib/suite/plan.js';
import { renderDiagnostics } from '../../lib/suite/render.js';
import { built, cli } from '../cli/cli.js';
import '../support/slow.js';

const guests = `suite: fuzz
params: { seconds: 5, who: "\${env:WHO}" }
hosts:
  node1: { address: "\${env:WHO}", user: root, jump: gate, port: 22 }
  gate: { address: 192.0.2.1 }
contexts:
  metal: { type: bare-metal, host: node1, provision: true }
  guest: &guest { type: kvm-guest, host: node1, vcpus: 2, memory: 1GiB, image: "\${who}", profile: realtime }
  other: *guest
defaults:
  runner: { type: iteration, count: 30, until: { metric: p99.9, within: 0.1 }, stop_on: "max > 1ms", pause: 2s }
  tags: [daily]
tests:
  - name: timer-\${load}
    scenario: timer
    context: guest
    options: { tool: cyclictest, interval: "\${interval}", duration: "\${seconds}s", cpus: 0-1, histogram: 5ms, break: none }
    load: { host: node1, stressor: "\${load}", cpus: 4-5, workers: 2 }
    matrix: { load: [none, cpu], interval: [1ms, 2ms], include: [ { load: cpu, extra: 1 } ], exclude: [ { load: none, interval: 2ms } ] }
    sla: [ "p99.99 <= 20us", { expression: "max <= 15us", severity: warn } ]
  - name: sweep
    scenario: timer
    context: metal
    options: { tool: oslat, duration: 3s, workload: memmove }
    runner: { type: sweep, over: { cpus: [1, 2-3, all], buckets: { from: 16, to: 64, step: 16 } }, order: shuffled, warm_up: 1 }
`;

const devices = `suite: fuzz
hosts: { local: {} }
contexts:
  dut: { type: kvm-guest, preset: virtual-host, host: local, ports: 2 }
  vf:
    type: sriov-vf
    host: dut
    pf: driver:igb
    vfs: [{ vlan: 100, mac: "52:54:00:12:34:56", max_rate: 1Gbit/s, trust: true, address: 192.0.2.5/24 }]
    guest: { image: debian-12-generic, vcpus: 2, memory: 512MiB, network: { bridge: br0 }, boot_timeout: 15m }
    tuning: { profile: realtime-guest, with: { isolated_cpus: 1 }, knobs: { ksm: keep, stat-interval: 120 }, reboot: true }
  metal: { type: bare-metal, tuning: { knobs: { hugepages: [{ size: 2MiB, count: 4 }], smt: "off" } } }
tests:
  - name: \${context}-\${tool}
    scenario: timer
    context: "\${context}"
    options: { tool: "\${tool}", duration: 10s, cpus: 0, priority: 95 }
    load: [ { stressor: vm, memory: 64MiB }, { host: dut, stressor: cpu, percent: 50 } ]
    runner: { type: duration, duration: 1m, stop_on: "share_over(100us) > 1%" }
    matrix: { context: [vf, metal], tool: [cyclictest, oslat, timerlat] }
    sla: ["samples >= 1000"]
`;

const bases = [guests, devices];
const base = fc.constantFrom(...bases);

const pieces = fc.oneof(
  fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ':',
    ' ',
    '\n',
    '\t',
    '- ',
    '? ',
    '&a ',
    '*a',
    '*guest',
    '!!js ',
    '|',
    '>',
    '"',
    "'",
    '#',
    '%',
    '---',
    '<<: ',
    '${',
    '}',
    '$${',
    '${env:WHO}',
    '${load}',
    '\0',
    '\u001b',
    '\uFEFF',
    '\u2028',
    '\r',
  ),
  fc.string({ unit: 'binary', maxLength: 4 }),
);
const at = fc.nat(Math.max(...bases.map(({ length }) => length)));

/** Texts with pieces put in, cut out, copied and swapped. */
const ofText = fc
  .tuple(base, fc.array(fc.tuple(at, fc.nat(20), pieces), { minLength: 1, maxLength: 4 }))
  .map(([of, edits]) => {
    let text = of;
    for (const [start, length, piece] of edits) text = text.slice(0, start) + piece + text.slice(start + length);
    return Buffer.from(text, 'utf8');
  });

const ofBytes = fc
  .tuple(base, fc.array(fc.tuple(at, fc.nat(255)), { minLength: 1, maxLength: 5 }))
  .map(([of, edits]) => {
    const bytes = Buffer.from(of, 'utf8');
    for (const [index, byte] of edits) if (index < bytes.length) bytes[index] = byte;
    return bytes;
  });

const values: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(
    null,
    true,
    -1,
    0,
    1.5,
    1e300,
    NaN,
    '',
    'x',
    'node1',
    'metal',
    '1ms',
    '${load}',
    '${nothing}',
    '${env:WHO}',
    '${',
    [],
    {},
    [[]],
    { type: 'timer' },
    'constructor',
    '__proto__',
  ),
  fc.jsonValue({ maxDepth: 3 }),
);

const nodesOf = (document: Document): number => {
  let count = 0;
  visit(document, {
    Node: () => {
      count++;
    },
  });
  return count;
};

/** Trees with a node replaced, a key renamed, or an entry taken out, written in YAML again. */
const ofTree = fc
  .tuple(
    base,
    fc.array(fc.tuple(fc.nat(), fc.constantFrom('value', 'rename', 'remove', 'double'), values), {
      minLength: 1,
      maxLength: 3,
    }),
  )
  .map(([of, edits]) => {
    const document = parseDocument(of);
    for (const [pick, how, value] of edits) {
      const target = pick % Math.max(1, nodesOf(document));
      let index = 0;
      visit(document, {
        Node: (key, node) => {
          if (index++ !== target) return undefined;
          if (how === 'rename' && key === 'key' && isScalar(node))
            node.value = typeof value === 'string' ? value : `${String(node.value)}x`;
          if (how === 'remove' && (isMap(node) || isSeq(node))) node.items.shift();
          if (how === 'double' && isSeq(node)) node.items.push(...node.items);
          return how === 'value' && key !== 'key' && node !== document.contents
            ? document.createNode(value)
            : visit.BREAK;
        },
      });
    }
    try {
      return Buffer.from(document.toString());
    } catch {
      // An alias whose anchor was replaced can't be written.
      return Buffer.from(of);
    }
  });

/** Tests of a plan beyond these are not looked at. */
const mostTests = 8;
const trace = /\n\s+at .*[:(]|node:internal/;

/** All that `plan` says of a suite. */
const planned = async (loaded: LoadedSuite): Promise<string> => {
  const plan = planSuite(loaded);
  const said = [await planSteps(plan)];
  let looked = 0;
  for (const test of plan.tests()) {
    const { name, steps } = planTest(plan, test);
    expect(name).to.not.equal('');
    said.push(name, String(estimate(test)), ...steps);
    if (++looked === mostTests) break;
  }
  return said.join('\n');
};

describe('10,000 mutated suites', () => {
  let directory: string;
  const env = { WHO: 'hunter2' };
  const registry = builtins();
  const counts = { right: 0, wrong: 0 };
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'kvm4nfv-fuzz-'));
  });
  after(() => rm(directory, { recursive: true }));

  /** A right one is planned to its end; a wrong one says where. */
  const check = async (bytes: Buffer): Promise<void> => {
    const path = join(directory, 'suite.yaml');
    await writeFile(path, bytes);
    try {
      const loaded = await loadSuite(path, { registry, env });
      expect(await planned(loaded)).to.not.match(/hunter2|\[object /);
      counts.right++;
    } catch (error) {
      if (!Kvm4nfvError.is(error) || error.fault !== 'usage') throw error;
      counts.wrong++;
      expect(`${error.message}\n${error.hint ?? ''}`).to.not.include('hunter2');
      expect(error.message).to.not.match(/[\0-\x08\x0b-\x1f\x7f]/);
      expect(error.message).to.not.match(trace);
      if (!(error instanceof SuiteError)) return;
      expect(error.diagnostics.length).to.be.greaterThan(0);
      expect(renderDiagnostics(error.diagnostics, error.sources)).to.equal(error.message);
    }
  };

  for (const [what, mutation, numRuns] of [
    ['text', ofText, 3000],
    ['bytes', ofBytes, 4500],
    ['values and tree', ofTree, 2500],
  ] as const)
    it(`give plans or mistakes with places, never anything else (${what})`, async function () {
      this.timeout(240_000);
      await fc.assert(fc.asyncProperty(mutation, check), { numRuns });
    });

  it('are wrong for the most part, and not all', () => {
    expect(counts.wrong).to.be.greaterThan(1000);
    expect(counts.right).to.be.greaterThan(100);
  });

  it('end `kvm4nfv validate` with 0 or 2 and no stack trace (40 of them)', async function () {
    this.timeout(240_000);
    await built();
    const atOnce = pLimit(2);
    const mutants = fc.sample(fc.oneof(ofText, ofBytes, ofTree), 40);
    await Promise.all(
      mutants.map((bytes, index) =>
        atOnce(async () => {
          const path = join(directory, `${String(index)}.yaml`);
          await writeFile(path, bytes);
          const { code, stdout, stderr } = await cli(['validate', path], { cwd: directory, env });
          const said = `${bytes.toString()}\n${stdout}${stderr}`;
          expect(code, said).to.be.oneOf([0, 2]);
          expect(stderr, said).to.not.match(trace);
          expect(stdout + stderr, said).to.not.include('hunter2');
        }),
      ),
    );
  });
});
