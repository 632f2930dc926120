import { writeFileSync } from 'node:fs';
import { directoryScript, removeDirectoryScript } from '../../../lib/contexts/kvm-guest/directory.js';
import { runDirectory } from '../../../lib/contexts/kvm-guest/domain.js';
import { giveBack, tryTake } from '../../../lib/contexts/kvm-guest/resources.js';
import { sweepGuests } from '../../../lib/contexts/kvm-guest/sweep.js';
import { messageOf } from '../../../lib/error.js';
import { localHost } from '../../../lib/host/local.js';
import { removeRun } from '../../../lib/host/runs.js';
import { UntrustedError } from '../../../lib/host/trust.js';

/** What a run with a guest makes and removes on a host, round after round. Prints what became of each step. */
const [run = '', count = '', rounds = ''] = process.argv.slice(2);
const host = localHost('local', { run });
const directory = runDirectory(run, process.geteuid?.());
const signal = AbortSignal.timeout(600_000);
const told: Record<string, number> = {};

const tell = (what: string): void => {
  told[what] = (told[what] ?? 0) + 1;
};

const step = async (what: string, work: () => Promise<unknown>): Promise<boolean> => {
  try {
    await work();
    tell(`${what} done`);
    return true;
  } catch (error) {
    if (!(error instanceof UntrustedError)) tell(`${what} failed: ${messageOf(error)}`);
    else tell(`${what} refused (${error.fault})`);
    return false;
  }
};

for (let round = 1; round <= Number(count); round += 1) {
  writeFileSync(rounds, String(round));
  const made = await step('directory', () =>
    host.exec(['sh', '-c', directoryScript, 'sh', directory, `${directory}/guest`], { signal }),
  );
  const pages = { size: 2 ** 21, node: undefined, count: 0 };
  await step('lease', async () => {
    const taking = await tryTake(host, { run, context: 'guest' }, ['cpu-90000'], round % 5 === 0 ? pages : undefined);
    if (!taking.taken) tell(`${taking.name} taken`);
  });
  await step('job', async () => {
    await using job = await host.start({ run, name: 'job', argv: ['true'] });
    await job.wait({ timeout: 60_000 });
  });
  if (made && round % 4 !== 0)
    await step('teardown', () =>
      host.exec(['sh', '-c', removeDirectoryScript, 'sh', directory, `${directory}/guest`], { signal }),
    );
  if (round % 4 === 0) await step('sweep', () => sweepGuests(host, run, signal));
  await step('giving back', () => giveBack(host, run, 'guest'));
  if (round % 4 === 0) await step('removal of the run', () => removeRun(host, run));
}
process.stdout.write(JSON.stringify(told));
