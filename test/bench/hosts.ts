import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startSshd, type Sshd } from '../support/sshd.js';
import { runCli, timed, type Timed } from './command.js';
import { median } from './pairs.js';
import type { Outcome, Row } from './row.js';

const hostCount = 200;
const width = 16;
const seconds = 2;
const parallelSsh = '/usr/bin/parallel-ssh';
const pairs = 3;

/** What the suite runs on each host, the same for both: see `kvm4nfv plan`. */
const bare = `cyclictest -a 0 -i 1000 -p 99 -D ${String(seconds)} -t 1 -h 90 -m -q`;

const names = (count: number): readonly string[] => Array.from({ length: count }, (_, index) => `h${String(index)}`);

const suite = (sshd: Sshd, hosts: readonly string[]): string =>
  JSON.stringify({
    suite: 'many-hosts',
    parallel: width,
    hosts: Object.fromEntries(hosts.map((name) => [name, sshd.spec()])),
    contexts: Object.fromEntries(hosts.map((name) => [`on-${name}`, { type: 'bare-metal', host: name }])),
    tests: [
      {
        name: 'timer-${at}',
        scenario: 'timer',
        context: '${at}',
        matrix: { at: hosts.map((name) => `on-${name}`) },
        options: { tool: 'cyclictest', cpus: '0', duration: `${String(seconds)}s`, break: 'none', histogram: '90us' },
      },
    ],
  });

const sshConfig = (sshd: Sshd, user: string): string =>
  [
    'Host h*',
    '  HostName 127.0.0.1',
    '  HostKeyAlias [127.0.0.1]:' + String(sshd.port),
    `  Port ${String(sshd.port)}`,
    `  User ${user}`,
    `  IdentityFile ${sshd.identity}`,
    '  IdentitiesOnly yes',
    `  UserKnownHostsFile ${sshd.knownHosts}`,
    '',
  ].join('\n');

interface Bench {
  readonly ours: (count: number) => Promise<Timed>;
  readonly theirs: () => Promise<Timed>;
}

const withHosts = async (body: (bench: Bench) => Promise<Outcome>): Promise<Outcome> => {
  const directory = await mkdtemp(join(tmpdir(), 'kvm4nfv-bench-'));
  await using sshd = await startSshd({ config: ['MaxStartups 1000', 'MaxSessions 100'] });
  try {
    const config = join(directory, 'ssh_config');
    const list = join(directory, 'hosts');
    await writeFile(config, sshConfig(sshd, sshd.spec().user ?? 'root'));
    await writeFile(list, `${names(hostCount).join('\n')}\n`);
    for (const count of [1, hostCount])
      await writeFile(join(directory, `${String(count)}.yaml`), suite(sshd, names(count)));
    return await body({
      ours: (count) =>
        timed([process.execPath, runCli, join(directory, `${String(count)}.yaml`)], { cwd: directory, memory: true }),
      theirs: () => timed([parallelSsh, '-p', String(width), '-t', '0', '-h', list, '-x', `-F ${config}`, bare]),
    });
  } finally {
    await rm(directory, { recursive: true });
  }
};

const unable = async (): Promise<string | undefined> =>
  access(parallelSsh).then(
    () => undefined,
    () => `needs ${parallelSsh} (Debian package pssh)`,
  );

const many = `${String(hostCount)} SSH hosts`;

export const rows: readonly Row[] = [
  {
    name: `${many}, ${String(width)} at a time`,
    unit: 's',
    against: 'parallel-ssh',
    target: { atMost: 1 },
    unable,
    run: () =>
      withHosts(async ({ ours, theirs }) => {
        const measured: { readonly ours: number; readonly theirs: number }[] = [];
        for (let pair = 0; pair < pairs; pair += 1)
          measured.push({ theirs: (await theirs()).took / 1000, ours: (await ours(hostCount)).took / 1000 });
        return {
          ours: median(measured.map((pair) => pair.ours)),
          reference: median(measured.map((pair) => pair.theirs)),
          ratio: median(measured.map((pair) => pair.ours / pair.theirs)),
        };
      }),
  },
  {
    name: `memory of ${many} above that of one`,
    unit: 'MB',
    against: 'allowed',
    target: { atMost: 1 },
    run: () =>
      withHosts(async ({ ours }) => {
        const one = await ours(1);
        const all = await ours(hostCount);
        return { ours: (all.peak - one.peak) / 1e6, reference: 60 };
      }),
  },
];
