import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Result } from '../../lib/run/result.js';
import type { HostSpec } from '../../lib/host/spec.js';
import { startSshd, type Sshd } from '../support/sshd.js';
import { runCli, timed } from './command.js';
import { median } from './pairs.js';
import type { Outcome, Row } from './row.js';

const seconds = 10;
const pairs = 3;
const tool = [
  'cyclictest',
  '-a',
  '0',
  '-i',
  '1000',
  '-p',
  '99',
  '-D',
  String(seconds),
  '-t',
  '1',
  '-h',
  '90',
  '-m',
  '-q',
];

const suite = (host: HostSpec | Record<string, never>): string =>
  JSON.stringify({
    suite: 'trial',
    hosts: { sut: host },
    contexts: { here: { type: 'bare-metal', host: 'sut' } },
    tests: [
      {
        name: 'timer',
        scenario: 'timer',
        context: 'here',
        options: { tool: 'cyclictest', cpus: '0', duration: `${String(seconds)}s`, break: 'none' },
      },
    ],
  });

interface Pair {
  readonly bare: number;
  readonly whole: number;
  readonly trial: number;
  readonly share: number;
}

/** The bare command and a run of the same, in turn; milliseconds. */
const measure = async (transport: 'local' | 'ssh'): Promise<readonly Pair[]> => {
  const directory = await mkdtemp(join(tmpdir(), 'kvm4nfv-bench-'));
  const sshd: Sshd | undefined = transport === 'ssh' ? await startSshd() : undefined;
  try {
    const file = join(directory, 'suite.yaml');
    await writeFile(file, suite(sshd?.spec() ?? {}));
    const through =
      sshd === undefined
        ? []
        : [
            'ssh',
            '-i',
            sshd.identity,
            '-o',
            `UserKnownHostsFile=${sshd.knownHosts}`,
            '-o',
            'IdentitiesOnly=yes',
            '-p',
            String(sshd.port),
            '127.0.0.1',
          ];
    const [command = '', ...rest] = [...through, ...tool];
    const measured: Pair[] = [];
    for (let pair = 0; pair < pairs; pair += 1) {
      const output = join(directory, String(pair));
      const bare = await timed([command, ...rest]);
      const whole = await timed([process.execPath, runCli, file, '--output', output]);
      const [run = ''] = await readdir(output);
      const result = JSON.parse(await readFile(join(output, run, 'result.json'), 'utf8')) as Result;
      const [trial] = result.tests.flatMap(({ trials }) => trials);
      if (trial?.overhead === undefined) throw new Error('the run has no trial with an overhead');
      measured.push({
        bare: bare.took,
        whole: whole.took,
        trial: trial.overhead.window / 1e6,
        share: trial.overhead.share,
      });
    }
    return measured;
  } finally {
    await sshd?.[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  }
};

const known = new Map<string, Promise<readonly Pair[]>>();
/** Three rows tell of the same runs. */
const measured = (transport: 'local' | 'ssh'): Promise<readonly Pair[]> => {
  const already = known.get(transport) ?? measure(transport);
  known.set(transport, already);
  return already;
};

const compared = async (transport: 'local' | 'ssh', of: 'trial' | 'whole'): Promise<Outcome> => {
  const all = await measured(transport);
  return {
    ours: median(all.map((pair) => pair[of])) / 1000,
    reference: median(all.map(({ bare }) => bare)) / 1000,
    ratio: median(all.map((pair) => pair[of] / pair.bare)),
  };
};

export const rows: readonly Row[] = (['local', 'ssh'] as const).flatMap((transport): Row[] => {
  const where = transport === 'local' ? 'local' : 'over SSH';
  const length = `${String(seconds)} s trial, ${where}`;
  const against = 'the same command alone';
  return [
    {
      name: `${length}: its window`,
      unit: 's',
      against,
      target: { atMost: 1.01 },
      run: () => compared(transport, 'trial'),
    },
    {
      name: `${length}: the whole run`,
      unit: 's',
      against,
      target: { atMost: 1.06 },
      run: () => compared(transport, 'whole'),
    },
    {
      name: `${length}: our CPU time in the window`,
      unit: '% of a CPU',
      against: 'allowed',
      target: { atMost: 1 },
      run: async () => ({ ours: median((await measured(transport)).map(({ share }) => share)) * 100, reference: 0.1 }),
    },
  ];
});
