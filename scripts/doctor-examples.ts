/**
 * `doctor-examples.ts`: writes docs/doctor-examples.md, what doctor says of this machine, of an emulated host, in a guest, and of
 * machines in test/fixtures. Takes minutes where image and emulated host are not in the cache. Names of this machine are left out.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { examine, type ExamineOptions } from '../lib/doctor/examine.js';
import { renderReadinessText } from '../lib/doctor/render-text.js';
import { raiseVirtualHost } from '../lib/contexts/kvm-guest/virtual-host.js';
import type { Host } from '../lib/host/host.js';
import { localHost } from '../lib/host/local.js';
import { openHost } from '../lib/host/open.js';
import { removeVirtualHost } from '../lib/lab/find.js';
import { virtualHostSchema } from '../lib/lab/options.js';
import { probeKvm } from '../lib/libvirt/kvm-probe.js';
import { resolveNamed } from '../lib/tuning/resolve.js';
import { tuningSchema } from '../lib/tuning/tuning-schema.js';
import { GuestRun } from '../test/contexts/kvm-guest/guests.js';
import { recordedMachine } from '../test/tuning/recorded.js';

interface Example {
  readonly title: string;
  readonly about: string;
  readonly command: string;
  readonly text: string;
}

/** A release such as 6.18.44-vendor names whoever built the kernel of the machine that this runs on. */
const general = (text: string): string => text.replaceAll(/\b(\d+\.\d+\.\d+)-[\w.+-]+/g, '$1');

const look = async (
  host: Host,
  { isolated, profile = 'observe', ...options }: ExamineOptions & { isolated?: string; profile?: string } = {},
): Promise<string> => {
  const spec = { profile, with: isolated === undefined ? {} : { isolated_cpus: isolated } };
  const readiness = await examine(host, await resolveNamed(tuningSchema.parse(spec)), options);
  return renderReadinessText(readiness);
};

const recorded = async (name: string, title: string, about: string, isolated?: string): Promise<Example> => {
  const { host } = recordedMachine(name);
  const text = (await look(host, isolated === undefined ? {} : { isolated })).replaceAll('simulated', 'node1');
  const flag = isolated === undefined ? '' : ` --isolated ${isolated}`;
  return { title, about, command: `kvm4nfv doctor node1${flag}`, text };
};

const kvm = (host: Host) => probeKvm(host, {});

const here = async (): Promise<Example[]> => {
  await using local = localHost('local');
  const title = 'The machine that this page was written on';
  return [
    {
      title,
      about: 'A small virtual machine, whose KVM does not work: everything is emulated.',
      command: 'kvm4nfv doctor',
      text: general(await look(local, { kvm })),
    },
    {
      title: `${title}, for DPDK`,
      about: 'The same, asked for threads that poll: what only matters to threads that sleep and wake is gone.',
      command: 'kvm4nfv doctor --for dpdk --isolated 1',
      text: general(await look(local, { kvm, profile: 'observe-dpdk', use: 'dpdk', isolated: '1' })),
    },
  ];
};

const name = 'doctor-examples';

const emulated = async (): Promise<Example> => {
  await using local = localHost('local');
  const { signal } = new AbortController();
  const { machine } = await raiseVirtualHost(local, virtualHostSchema.parse({}), {
    run: name,
    name,
    signal,
    progress: console.error,
  });
  try {
    await using host = await openHost(name, new Map([[name, machine.spec]]));
    return {
      title: 'An emulated host',
      about: 'Of `kvm4nfv lab up`: a whole host under emulation, with KVM, an IOMMU and SR-IOV.',
      command: 'kvm4nfv doctor lab:dut --isolated 2-3',
      text: (await look(host, { kvm, isolated: '2-3' })).replaceAll(name, 'lab:dut'),
    };
  } finally {
    await removeVirtualHost(local, { run: name, name });
  }
};

const guest = async (): Promise<Example> => {
  await using run = await GuestRun.open(name);
  const { sut } = await run.deploy('guest', { image: 'debian-12-rt', vcpus: 2 });
  return {
    title: 'A guest with a real-time kernel',
    about: 'The image debian-12-rt, untuned.',
    command: 'kvm4nfv doctor guest --suite suite.yaml --isolated 1',
    text: (await look(sut, { kvm, isolated: '1' })).replaceAll(sut.name, 'guest'),
  };
};

const examples: readonly Example[] = [
  ...(await here()),
  await emulated(),
  await guest(),
  await recorded(
    'cmdline-openshift-performanceprofile',
    'A worker node of OpenShift',
    'Recorded, in parts. A PerformanceProfile has isolated CPUs 2-3; doctor takes them from the kernel.',
  ),
  await recorded('amd-epyc-nps4', 'An EPYC with four nodes to a socket', 'Recorded, in parts. Untuned.', '2-3'),
  await recorded(
    'arm64-altra-bare',
    'A server of arm64',
    'Recorded, in parts. Untuned; its kernel has PREEMPT_RT.',
    '2-7',
  ),
];

const page = [
  '# What doctor says',
  '',
  'Of several machines, as `npx tsx scripts/doctor-examples.ts` printed it. Findings are ordered by what they cost there, worst',
  'first; `--markdown` and `--json` have the sources of the figures too.',
  '',
  ...examples.flatMap(({ title, about, command, text }) => [
    `## ${title}`,
    '',
    about,
    '',
    '```console',
    `$ ${command}`,
    text,
    '```',
    '',
  ]),
].join('\n');
await writeFile(join(import.meta.dirname, '..', 'docs', 'doctor-examples.md'), page);
