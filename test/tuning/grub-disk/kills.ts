import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { localHost } from '../../../lib/host/local.js';
import { leaseOf, dropLease } from '../../../lib/tuning/lease.js';
import { restoreRun } from '../../../lib/tuning/restore.js';

// Runs inside the disk: sets and restores once, then kills the controller at random moments. Prints what it saw as JSON.
const [rounds = '1', leave = ''] = process.argv.slice(2);
const host = localHost();
const config = '/boot/grub/grub.cfg';
// Batches of other disks, in the same /proc, are not this one's.
const run = `test-grub-${String(process.pid)}`;

const filesBelow = (directory: string): string[] =>
  readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = `${directory}/${entry.name}`;
    return entry.isDirectory() ? filesBelow(path) : [path];
  });
const treeOf = (): string =>
  JSON.stringify(
    [...filesBelow('/etc/default'), config, ...['/var/lib/kvm4nfv'].filter((path) => existsSync(path))].map((path) => [
      path,
      path.startsWith('/var') ? '' : readFileSync(path, 'utf8'),
    ]),
  );

interface Controller {
  readonly child: ChildProcess;
  readonly ended: Promise<unknown>;
  readonly said: () => Promise<string>;
}
const newController = (): Controller => {
  const script = fileURLToPath(new URL('./controller.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', script, run], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines: AsyncIterator<string> = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    child,
    ended: once(child, 'exit'),
    said: async () => {
      const next = await lines.next();
      if (next.done === true) throw new Error('the controller ended');
      return next.value;
    },
  };
};
const restored = async (): Promise<boolean> => {
  const report = await restoreRun(host, run);
  if ((await leaseOf(host)).kind !== 'free') await dropLease(host, run);
  return report.complete;
};

const before = treeOf();
const menus = new Set([readFileSync(config, 'utf8')]);
const first = newController();
await first.said();
const began = Date.now();
first.child.stdin?.write('go\n');
const name = await first.said();
const cycle = Date.now() - began;
const during = readFileSync(config, 'utf8');
menus.add(during);
first.child.stdin?.end();
await first.ended;
const outcome: Record<string, unknown> = { name, cycle, during, before: [...menus][0], rounds: [] };
const seen: unknown[] = [];
if (leave === '') {
  seen.push({ whole: true, complete: await restored(), same: treeOf() === before });
  let next = newController();
  for (let round = 0; round < Number(rounds); round++) {
    const { child, ended, said } = next;
    await said();
    child.stdin?.write('go\n');
    const moment = Math.random() * cycle * 1.1;
    await sleep(moment);
    child.kill('SIGKILL');
    await ended;
    const whole = menus.has(readFileSync(config, 'utf8'));
    next = newController();
    const complete = await restored();
    seen.push({ moment: Math.round(moment), whole, complete, same: treeOf() === before });
  }
  await next.said();
  next.child.stdin?.end();
  await next.ended;
}
outcome['rounds'] = seen;
process.stdout.write(`${JSON.stringify(outcome)}\n`);
