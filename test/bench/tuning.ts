import type { Host } from '../../lib/host/host.js';
import { localHost } from '../../lib/host/local.js';
import { openHost } from '../../lib/host/open.js';
import { hostSchema } from '../../lib/host/spec.js';
import { applyTuning } from '../../lib/tuning/engine.js';
import type { ResolvedTuning } from '../../lib/tuning/profile.js';
import { resolveNamed } from '../../lib/tuning/resolve.js';
import { tuningSchema } from '../../lib/tuning/tuning-schema.js';
import { lookAtBigHost } from '../tuning/masked/namespace.js';
import { startSshd } from '../support/sshd.js';
import { median } from './pairs.js';
import type { Row } from './row.js';

const rounds = 3;
const allowed = 5;

/** All of realtime-host but what would hurt others on a shared machine. */
const wholeProfile = (): Promise<ResolvedTuning> =>
  resolveNamed(
    tuningSchema.parse({
      profile: 'realtime-host',
      with: { isolated_cpus: 1 },
      knobs: { 'irq-affinity': 'keep', 'rt-throttling': 'keep', irqbalance: 'keep', services: 'keep' },
    }),
  );

const applyAndVerify = async (open: () => Promise<Host>, tuning: ResolvedTuning): Promise<number> => {
  const began = performance.now();
  await using host = await open();
  const applied = await applyTuning(host, `bench-${String(process.pid)}`, tuning);
  try {
    await applied.verify();
    return (performance.now() - began) / 1000;
  } finally {
    await applied.restore();
  }
};

export const rows: readonly Row[] = [
  {
    name: 'a whole profile applied and verified over SSH, beyond the same commands without SSH',
    unit: 's',
    against: 'allowed',
    target: { atMost: 1 },
    unable: () => Promise.resolve(process.getuid?.() === 0 ? undefined : 'needs root'),
    run: async () => {
      await using sshd = await startSshd();
      const tuning = await wholeProfile();
      const spec = hostSchema.parse(sshd.spec());
      const beyond: number[] = [];
      for (let round = 0; round < rounds; round++) {
        const own = await applyAndVerify(() => Promise.resolve(localHost()), tuning);
        beyond.push((await applyAndVerify(() => openHost('dut', new Map([['dut', spec]])), tuning)) - own);
      }
      return { ours: median(beyond), reference: allowed };
    },
  },
  {
    name: 'one look of a whole profile at a host of 512 CPUs and 4,300 interrupts',
    unit: 's',
    against: 'asked for',
    target: { atMost: 1 },
    unable: () => Promise.resolve(process.getuid?.() === 0 ? undefined : 'needs root'),
    run: async () => {
      const seconds: number[] = [];
      for (let round = 0; round < rounds; round++)
        seconds.push((await lookAtBigHost(512, 4300, { profile: 'realtime-host', with: { isolated_cpus: '8-15' } })).seconds); // prettier-ignore
      return { ours: median(seconds), reference: 1 };
    },
  },
];
