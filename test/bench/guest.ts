/** How fast guests start and end, beside the same guests started by bare QEMU commands. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { localHost } from '../../lib/host/local.js';
import { openSshHost } from '../../lib/host/ssh/open.js';
import { buildImage } from '../../lib/image/build.js';
import type { BuiltImage } from '../../lib/image/built-image.js';
import { firstBootDisk, type FirstBootData } from '../../lib/image/first-boot.js';
import { newGuestKeys } from '../../lib/image/keys.js';
import { builtInManifest } from '../../lib/image/manifest.js';
import { createOverlay } from '../../lib/image/overlay.js';
import { GuestRun, noGuests } from '../contexts/kvm-guest/guests.js';
import { freePort, managementMac, Qemu } from '../image/qemu.js';
import { inPairs, median } from './pairs.js';
import type { Row } from './row.js';

const cli = join(import.meta.dirname, '../../dist/kvm4nfv.js');
const host = localHost();
const memory = '512MiB';
const finished = ['systemctl', 'is-system-running', '--wait'] as const;
/** The stage after the first command that the guest has answered, which waits for the end of its boot. */
const answered = 'reading back what it was given';

const inDirectory = async <T>(body: (directory: string) => Promise<T>): Promise<T> => {
  const directory = await mkdtemp(join(tmpdir(), 'kvm4nfv-bench-'));
  try {
    return await body(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
};

/** Milliseconds from the start of `kvm4nfv run` to the first command in the guest; the run is interrupted then. */
const fromYaml = (warm: boolean): Promise<number> =>
  inDirectory(async (directory) => {
    const file = join(directory, 'suite.yaml');
    await writeFile(
      file,
      `suite: bench
contexts:
  guest: { type: kvm-guest, vcpus: 1, memory: ${memory}, warm: ${String(warm)}, boot_timeout: 10m }
tests:
  - { name: timer, scenario: timer, context: guest, options: { tool: cyclictest, cpus: 0, loops: 1, histogram: 1ms, break: none } }
`,
    );
    const started = performance.now();
    const child = spawn(process.execPath, [cli, 'run', file], { cwd: directory, stdio: ['ignore', 'ignore', 'pipe'] });
    const ended = once(child, 'exit');
    let took: number | undefined;
    let said = '';
    for await (const line of createInterface(child.stderr)) {
      said += `${line}\n`;
      if (!line.endsWith(answered) || took !== undefined) continue;
      took = performance.now() - started;
      child.kill('SIGINT');
    }
    await ended;
    if (took === undefined) throw new Error(`the guest was never reached: ${said}`);
    return took;
  });

/** Waits until something behind the port sends bytes: slirp accepts whether anybody listens or not. */
const banner = async (port: number, within: number): Promise<boolean> => {
  const patience = AbortSignal.timeout(within);
  const stream = await host.connect({ host: '127.0.0.1', port }, { signal: patience });
  try {
    return await new Promise<boolean>((resolve) => {
      stream.once('data', () => {
        resolve(true);
      });
      for (const event of ['error', 'close', 'end'])
        stream.once(event, () => {
          resolve(false);
        });
      patience.addEventListener('abort', () => {
        resolve(false);
      });
    });
  } finally {
    stream.on('error', () => undefined).destroy();
  }
};

interface Bare {
  readonly image: BuiltImage;
  readonly directory: string;
  readonly name: string;
}

/** What a user would have at hand before the clock runs: overlay, keys, first-boot disk. */
const prepared = async ({
  image,
  directory,
  name,
}: Bare): Promise<{ start: () => Promise<void>; end: () => Promise<void> }> => {
  const data: FirstBootData = {
    id: `bench:${name}`,
    hostname: name,
    keys: newGuestKeys('bench', name),
    networks: [{ mac: managementMac, name: 'mgmt0', address: '10.0.2.15/24', gateway: '10.0.2.2' }],
  };
  const files = { disk: join(directory, `${name}.qcow2`), data: join(directory, `${name}.data`) };
  await createOverlay(host, image, files.disk);
  await firstBootDisk(host, data, files.data);
  const port = await freePort();
  let qemu: Qemu | undefined;
  const start = async (): Promise<void> => {
    qemu = new Qemu({ image, directory, name, port, ...files });
    // Each try costs the guest an sshd: with many guests on few CPUs impatience would keep them from ever answering.
    for (let within = 1000; !(await banner(port, within).catch(() => false)); within = Math.min(within * 1.5, 20_000)) {
      if (!qemu.running) throw new Error(qemu.said);
      await sleep(50);
    }
    const [kind = '', key = ''] = data.keys.host.publicKey.split(' ');
    await using guest = await openSshHost(
      name,
      { address: '127.0.0.1', port, user: 'root', host_key: 'strict' },
      {
        hostKeys: [`${kind} ${key}`],
        privateKey: data.keys.client.privateKey,
        configFile: '/dev/null',
        deadline: 60_000,
      },
    );
    await guest.exec(finished, { check: false, timeout: 600_000 });
  };
  return { start, end: async () => qemu?.kill() };
};

/** Milliseconds until `count` guests of bare QEMU commands have answered a command. */
const bare = (count: number): Promise<number> =>
  inDirectory(async (directory) => {
    const image = await buildImage(host, builtInManifest('debian-12'));
    const guests = await Promise.all(
      Array.from({ length: count }, (_, number) => prepared({ image, directory, name: `bare${String(number)}` })),
    );
    try {
      const started = performance.now();
      await Promise.all(guests.map(({ start }) => start()));
      return performance.now() - started;
    } finally {
      await Promise.all(guests.map(({ end }) => end()));
    }
  });

/** Milliseconds until that many cold guests of one run have answered a command. */
const together = async (count: number): Promise<number> => {
  await using run = await GuestRun.open('bench');
  const started = performance.now();
  let last = 0;
  await Promise.all(
    Array.from({ length: count }, (_, number) =>
      run.deploy(
        `guest${String(number)}`,
        { warm: false, memory },
        {
          at: (stage) => {
            if (stage === answered) last = Math.max(last, performance.now() - started);
          },
        },
      ),
    ),
  );
  return last;
};

const teardown = async (): Promise<number> => {
  await using run = await GuestRun.open('bench');
  const guest = await run.deploy('guest', { memory });
  const started = performance.now();
  await guest[Symbol.asyncDispose]();
  return performance.now() - started;
};

const perMinute = (milliseconds: number): number => 60_000 / milliseconds;

export const rows: readonly Row[] = [
  {
    name: 'guest: cold start, from YAML to the first command over SSH',
    unit: 'ms',
    against: 'a bare QEMU command, polled',
    target: { atMost: 1.15 },
    unable: noGuests,
    run: () =>
      inPairs(
        () => fromYaml(false),
        () => bare(1),
        5,
      ),
  },
  {
    name: 'guest: warm starts, from YAML to the first command over SSH',
    unit: 'a minute',
    against: 'cold starts',
    target: { atLeast: 5 },
    unable: noGuests,
    run: async () => {
      const { ours, reference, ratio } = await inPairs(
        () => fromYaml(false),
        () => fromYaml(true),
        5,
      );
      return { ours: perMinute(reference), reference: perMinute(ours), ...(ratio === undefined ? {} : { ratio }) };
    },
  },
  {
    name: 'guest: teardown',
    unit: 'ms',
    against: 'allowed',
    target: { atMost: 1 },
    unable: noGuests,
    run: async () => {
      const took: number[] = [];
      for (let round = 0; round < 5; round += 1) took.push(await teardown());
      return { ours: median(took), reference: 2000 };
    },
  },
  {
    name: 'guest: 8 cold starts at once',
    unit: 'ms',
    against: '8 bare QEMU commands at once',
    target: { atMost: 1.2 },
    unable: noGuests,
    run: () =>
      inPairs(
        () => together(8),
        () => bare(8),
        1,
      ),
  },
];
