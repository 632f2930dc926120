import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { begin, end } from '../support/begin.js';
import { describeTree, plantCanary } from './attacked/canary.js';

const program = (name: string): string => fileURLToPath(new URL(`attacked/${name}`, import.meta.url));

// Nobody else on this machine sees what is fought over.
const inside = `
for place in /var/tmp /run/lock; do mount -t tmpfs -o mode=1777 tmpfs "$place"; done
[ ! -d /var/cache/kvm4nfv ] || mount -t tmpfs -o mode=755 tmpfs /var/cache/kvm4nfv
user=$1 run=$2 canary=$3 process=$4 rounds=$5 attacker=$6; shift 6
other=/var/tmp/kvm4nfv lock=/run/lock/kvm4nfv
bases="$other $lock"; [ "$user" = 0 ] || bases="$other-$user $lock-$user /tmp/kvm4nfv-$user $other $lock"
setpriv --reuid 65534 --regid 65534 --clear-groups perl "$attacker" "$run" "$canary" "$process" "$rounds" $bases >"$rounds.done" 2>/dev/null &
at=$!
setpriv --reuid "$user" --regid "$user" --clear-groups "$@"; status=$?
kill "$at"; wait "$at" || :
exit "$status"
`;

interface Fight {
  readonly told: Readonly<Record<string, number>>;
  /** What the attacker did. */
  readonly tricks: number;
  readonly before: readonly string[];
  readonly after: readonly string[];
  /** The process that he would have liked to see ended lives. */
  readonly alive: boolean;
  /** A command that he hid in a name has run. */
  readonly fooled: boolean;
}

const fight = async (uid: number, count: number): Promise<Fight> => {
  const scratch = mkdtempSync(join(tmpdir(), 'attacked-'));
  chmodSync(scratch, 0o755);
  const [canary, rounds] = [join(scratch, 'canary'), join(scratch, 'rounds')];
  const run = `attacked-${String(process.pid)}-${String(uid)}`;
  await plantCanary(canary, run);
  for (const name of ['', ...readdirSync(canary, { recursive: true, encoding: 'utf8' })])
    if (name !== 'link') chownSync(join(canary, name), uid, uid);
  writeFileSync(rounds, '0');
  chownSync(rounds, uid, uid);
  const patient = begin('sleep', ['600'], { detached: true, stdio: 'ignore', uid, gid: uid });
  try {
    const before = await describeTree(canary);
    const worker = [
      process.execPath,
      '--import',
      createRequire(import.meta.url).resolve('tsx'),
      program('rounds.ts'),
      run,
      String(count),
      rounds,
    ];
    const args = [String(uid), run, canary, String(patient.pid), rounds, program('attacker.pl'), ...worker];
    const child = begin('unshare', ['--mount', '--propagation', 'private', 'sh', '-ec', inside, 'sh', ...args], {
      cwd: scratch,
      env: { ...process.env, TSX_DISABLE_CACHE: '1', HOME: scratch },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    child.stdout.on('data', (data: Buffer) => (said += data.toString()));
    await once(child, 'close');
    return {
      told: JSON.parse(said) as Record<string, number>,
      tricks: Number(readFileSync(`${rounds}.done`, 'utf8')),
      before,
      after: await describeTree(canary),
      alive: patient.exitCode === null && patient.signalCode === null,
      fooled: existsSync(join(scratch, 'owned')),
    };
  } finally {
    await end(patient);
    rmSync(scratch, { recursive: true });
    for (const end of ['', '.gone']) rmSync(`/tmp/kvm4nfv-${String(uid)}${end}`, { recursive: true, force: true });
  }
};

describe('Directories that an attacker shares', function () {
  this.timeout(600_000);
  for (const [who, uid, count] of [
    ['root', 0, 200],
    ['a user', 61_000 + (process.pid % 1000), 60],
  ] as const)
    it(`let nothing of ${who} be touched elsewhere in ${String(count)} rounds of work, teardown and cleanup`, async function () {
      if (process.geteuid?.() !== 0) this.skip();
      const { told, tricks, before, after, alive, fooled } = await fight(uid, count);
      expect(after).to.deep.equal(before);
      expect({ alive, fooled }).to.deep.equal({ alive: true, fooled: false });
      expect(Object.keys(told).filter((step) => !/ (?:done|taken|refused \(environment\))$/.test(step))).to.deep.equal(
        [],
      );
      expect(tricks).to.be.greaterThan(200);
      // Both happened: he was first, and he came too late.
      for (const step of [
        'directory done',
        'lease done',
        'directory refused (environment)',
        'lease refused (environment)',
      ])
        expect(told[step] ?? 0, JSON.stringify(told)).to.be.greaterThan(5);
    });
});
