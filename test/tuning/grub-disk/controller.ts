import { createInterface } from 'node:readline';
import { localHost } from '../../../lib/host/local.js';
import { takeSteps } from '../../../lib/tuning/boot/step.js';
import { findBootloader } from '../../../lib/tuning/bootloader.js';
import { journalOf } from '../../../lib/tuning/journal.js';
import { takeLease } from '../../../lib/tuning/lease.js';
import { wanted } from '../boot-machine.js';

// A controller to be killed: on a line of its input it takes the host and sets the command line of its boot loader.
const [run = ''] = process.argv.slice(2);
const host = localHost();
process.stdout.write('ready\n');
for await (const line of createInterface({ input: process.stdin })) {
  if (line !== 'go') break;
  await takeLease(host, run);
  const found = await findBootloader(host);
  if (found.name === undefined) throw new Error(found.reason);
  const step = found.set(wanted);
  if (step !== undefined) await takeSteps(host, { run, journal: journalOf(run), bootId: 'boot' }, step);
  process.stdout.write(`set ${found.name}\n`);
}
