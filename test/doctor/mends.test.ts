import { expect } from 'chai';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { examine } from '../../lib/doctor/examine.js';
import { bootLine, installLine, type Distribution, type Tool } from '../../lib/doctor/distribution.js';
import { splitCmdline } from '../../lib/tuning/cmdline.js';
import { tuningOf } from '../tuning/machine.js';
import { filesOf, recordedMachine } from '../tuning/recorded.js';

const run = promisify(execFile);

/** A line that can be typed as it is; what is in brackets behind it is for people. */
const commandOf = (mend: string): string | undefined => {
  const line = mend.replace(/ \([^()]*(?:\([^()]*\)[^()]*)*\)$/, '');
  return /^(?:sysctl|echo|for|modprobe|mount|swapoff|apt|dnf|zypper|grubby|rpm-ostree|pro) /.test(line) &&
    !/[<]pid/.test(line)
    ? line
    : undefined;
};

const kernelPlaces = ['/proc/irq', '/proc/sys', '/sys/devices/system/cpu'] as const;

/** Lets a real shell run a line on the files of a machine, which stand in the place of this machine's own in a mount namespace. */
const typed = async (line: string, files: Readonly<Record<string, string>>): Promise<Record<string, string>> => {
  const directory = await mkdtemp(join(tmpdir(), 'kvm4nfv-mend-'));
  try {
    const own = Object.entries(files).filter(([path]) => kernelPlaces.some((place) => path.startsWith(`${place}/`)));
    for (const place of kernelPlaces) await mkdir(join(directory, place), { recursive: true });
    for (const [path, text] of own) {
      await mkdir(dirname(join(directory, path)), { recursive: true });
      await writeFile(join(directory, path), text);
    }
    const mounts = kernelPlaces.map((place) => `mount --bind "$1${place}" ${place}`).join(' && ');
    const script = `mount --make-rprivate / && ${mounts} && exec sh -ec "$2"`;
    await run('unshare', ['-m', 'sh', '-c', script, 'sh', directory, line], { timeout: 20_000 });
    const after = own.map(async ([path]) => [path, await readFile(join(directory, path), 'utf8')] as const);
    return Object.fromEntries(await Promise.all(after));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
};

const look = async (machine: string, files: Readonly<Record<string, string>>) =>
  (
    await examine(
      recordedMachine(machine, { files }).host,
      await tuningOf({ profile: 'observe', with: { isolated_cpus: '2-3' } }),
    )
  ).findings;

/** What is wrong on a machine where all of it can be mended by typing. */
const disturbed: Readonly<Record<string, string>> = {
  '/proc/sys/kernel/split_lock_mitigate': '1\n',
  '/proc/cpuinfo': 'vendor_id\t: GenuineIntel\nflags\t\t: fpu nx vmx constant_tsc nonstop_tsc split_lock_detect\n',
  '/proc/sys/vm/dirty_ratio': '20\n',
  '/proc/sys/vm/dirty_background_ratio': '10\n',
  '/proc/sys/vm/compaction_proactiveness': '20\n',
  '/proc/sys/kernel/hung_task_timeout_secs': '120\n',
  '/proc/sys/kernel/numa_balancing': '1\n',
  '/proc/irq/26/smp_affinity_list': '2-3\n',
  '/sys/devices/system/cpu/cpu2/cpuidle/state1/latency': '133\n',
  '/sys/devices/system/cpu/cpu2/cpuidle/state1/disable': '0\n',
  '/sys/devices/system/cpu/cpu2/topology/thread_siblings_list': '2,6\n',
  '/sys/devices/system/cpu/cpu3/topology/thread_siblings_list': '3,7\n',
};
/** What is mended by a line that was typed; each must have one. */
const typable = ['rt-throttling', 'stat-interval', 'watchdogs', 'timer-migration', 'split-lock', 'dirty-limits', 'compaction', 'hung-task-timeout', 'numa-balancing', 'irq-affinity', 'c-states', 'siblings'] as const; // prettier-ignore

describe('mend lines of doctor', () => {
  before(async function () {
    const able = await run('unshare', ['-m', 'true']).then(
      () => true,
      () => false,
    );
    if (!able) this.skip();
  });

  it('mend what they are for, typed into a real shell', async function () {
    this.timeout(60_000);
    const { files } = { files: { ...filesOf('base-intel-2s'), ...disturbed } };
    const before = await look('base-intel-2s', disturbed);
    for (const check of typable) {
      const finding = before.find((candidate) => candidate.check === check);
      const line = finding === undefined ? undefined : commandOf(finding.mend);
      if (line === undefined) throw new Error(`${check} has no line to type: ${finding?.mend ?? 'it was not found'}`);
      const after = await typed(line, files);
      const offline = Object.entries(after).flatMap(([path, text]) =>
        /cpu\d+\/online$/.test(path) && text.trim() === '0' ? [Number(/cpu(\d+)/.exec(path)?.[1])] : [],
      );
      const online = [0, 1, 2, 3, 4, 5, 6, 7].filter((cpu) => !offline.includes(cpu)).join(',');
      const left = await look('base-intel-2s', {
        ...disturbed,
        ...after,
        '/sys/devices/system/cpu/online': `${online}\n`,
      });
      expect(
        left.filter((candidate) => candidate.check === check && candidate.cost !== undefined).map(({ what }) => what),
        line,
      ).to.deep.equal([]);
    }
  });

  it('are shell that a shell can read, wherever they are lines to type', async function () {
    this.timeout(60_000);
    const distributions = ['debian', 'ubuntu', 'rhel', 'fedora', 'opensuse-leap', 'rhcos'];
    const lines = new Set<string>();
    for (const id of distributions)
      for (const machine of ['base-intel-2s', 'cmdline-sets-that-contradict', 'amd-epyc-nps4', 'ostree-coreos'])
        for (const { mend } of await look(machine, {
          ...disturbed,
          '/etc/os-release': `ID=${id}\n`,
          '/etc/default/grub': '',
        })) {
          const line = commandOf(mend);
          if (line !== undefined) lines.add(line);
        }
    expect(lines.size).to.be.greaterThan(20);
    await run('sh', ['-nc', [...lines].join('\n')]);
  });

  const tools: readonly Tool[] = [
    'cyclictest',
    'stress-ng',
    'ethtool',
    'chrt',
    'hwlatdetect',
    'rtla',
    'qemu',
    'virsh',
    'numactl',
  ];
  const debian: Distribution = { name: '', id: 'debian', family: 'debian', ostree: false, proxmox: false, grub: true };
  const platform = { architecture: 'x86', vendor: 'intel', hypervisor: undefined, flags: new Set<string>() } as const;

  it('name the packages that have brought the tools of this machine', async function () {
    this.timeout(60_000);
    for (const [tool, program] of [
      ...tools.map((name) => [name, name] as const),
      ['qemu', 'qemu-system-x86_64'] as const,
    ]) {
      const path = await run('sh', ['-c', 'command -v "$1"', 'sh', program]).catch(() => undefined);
      const owner = path && (await run('dpkg', ['-S', path.stdout.trim()]).catch(() => undefined));
      // Not installed, or not by a package; or another distribution.
      if (!owner) continue;
      expect(installLine([tool], debian, platform)).to.equal(`apt install ${owner.stdout.split(':')[0] ?? ''}`);
    }
  });

  it('name each package once, and those of the architecture', () => {
    for (const family of ['debian', 'redhat', 'suse'] as const)
      for (const architecture of ['x86', 'arm64', 'other'] as const) {
        const words = installLine(tools, { ...debian, id: family, family }, { ...platform, architecture }).split(' ');
        expect(words).to.deep.equal([...new Set(words)]);
        expect(words.join(' ')).not.to.match(architecture === 'x86' ? /arm/ : /x86/);
      }
  });

  it('keep kernel parameters whole', async () => {
    const parameters = ['isolcpus=managed_irq,domain,2-3', 'nohz=on', 'hugepagesz=1G'];
    const { stdout } = await run('sh', [
      '-c',
      `grubby() { printf '%s' "$2"; }; ${bootLine(parameters, { ...debian, id: 'rhel', family: 'redhat' })}`,
    ]);
    expect(splitCmdline(stdout.replace(/^--args=/, ''))).to.deep.equal(parameters);
    const ostree = bootLine(parameters, { ...debian, id: 'fedora', family: 'redhat', ostree: true });
    const appended = await run('sh', [
      '-c',
      `rpm-ostree() { shift; printf '%s\\n' "$@"; }; ${ostree}`.replaceAll('rpm-ostree', 'rpmostree'),
    ]);
    expect(appended.stdout.trim().split('\n')).to.deep.equal(parameters.map((one) => `--append-if-missing=${one}`));
  });
});
