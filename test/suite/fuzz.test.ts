import { expect } from 'chai';
import fc from 'fast-check';
import { isMap, isScalar, isSeq, parseDocument, visit, type Document } from 'yaml';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SuiteError } from '../../lib/suite/diagnostic.js';
import { loadSuite } from '../../lib/suite/load.js';
import { planSuite } from '../../lib/suite/plan.js';
import { registry } from './registry.js';

const base = `suite: fuzz
params: { seconds: 5, who: "\${env:WHO}" }
hosts:
  node1: { address: 192.0.2.10, user: root, jump: gate, port: 22 }
  gate: { address: 192.0.2.1 }
contexts:
  metal: { type: bare-metal, host: node1 }
  guest: &guest { type: kvm-guest, host: node1, vcpus: 2, memory: 1GiB }
  other: *guest
defaults:
  runner: { type: iteration, count: 3 }
  tags: [daily]
tests:
  - name: timer-\${load}
    scenario: timer
    context: guest
    options: { interval: "\${interval}", duration: "\${seconds}s", cpus: 1, secret: "\${who}" }
    load: { host: node1, stressor: "\${load}", cpus: 4-5 }
    matrix: { load: [none, cpu], interval: [1ms, 2ms], include: [ { load: cpu, extra: 1 } ], exclude: [ { load: none, interval: 2ms } ] }
    sla: [ "p99.99 <= 20us", { expression: "max <= 15us", severity: warn } ]
  - name: list
    scenario: timer
    context: metal
    runner: { type: list, over: { priority: [1, 2] } }
`;

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
const at = fc.nat(base.length);

/** Texts with pieces put in, cut out, copied and swapped. */
const ofText = fc.array(fc.tuple(at, fc.nat(20), pieces), { minLength: 1, maxLength: 4 }).map((edits) => {
  let text = base;
  for (const [start, length, piece] of edits) text = text.slice(0, start) + piece + text.slice(start + length);
  return Buffer.from(text, 'utf8');
});

const ofBytes = fc.array(fc.tuple(at, fc.nat(255)), { minLength: 1, maxLength: 5 }).map((edits) => {
  const bytes = Buffer.from(base, 'utf8');
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
  .array(fc.tuple(fc.nat(), fc.constantFrom('value', 'rename', 'remove', 'double'), values), {
    minLength: 1,
    maxLength: 3,
  })
  .map((edits) => {
    const document = parseDocument(base);
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
      return Buffer.from(base);
    }
  });

describe('10,000 mutated suites', () => {
  let directory: string;
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
      const loaded = await loadSuite(path, { registry: registry(), env: { WHO: 'hunter2' } });
      counts.right++;
      for (const test of planSuite(loaded).tests()) expect(test.name).to.not.equal('');
    } catch (error) {
      if (!(error instanceof SuiteError)) throw error;
      counts.wrong++;
      expect(error.diagnostics.length).to.be.greaterThan(0);
      expect(error.message).to.not.include('hunter2');
      expect(error.message).to.not.match(/[\0-\x08\x0b-\x1f\x7f]|\n\s+at /);
    }
  };

  for (const [what, mutation, numRuns] of [
    ['text', ofText, 3000],
    ['bytes', ofBytes, 4500],
    ['values and tree', ofTree, 2500],
  ] as const)
    it(`give suites or mistakes with places, never anything else (${what})`, async function () {
      this.timeout(240_000);
      await fc.assert(fc.asyncProperty(mutation, check), { numRuns });
    });

  it('are wrong for the most part, and not all', () => {
    expect(counts.wrong).to.be.greaterThan(1000);
    expect(counts.right).to.be.greaterThan(100);
  });
});
