import { createHash } from 'node:crypto';
import { Kvm4nfvError } from '../../error.js';
import type { Host } from '../../host/host.js';
import { assertTrusted } from '../../host/trust.js';
import { trustFunctions } from '../../host/trust-script.js';
import { runBatch, type Outcome } from '../../tuning/batch.js';
import type { PlannedChange } from '../../tuning/change.js';
import { thisController } from '../../tuning/controller.js';
import { encodeEntry, journalOf, stateDirectory } from '../../tuning/journal.js';
import { takeScript } from '../../tuning/lease.js';
import type { Request, Snapshot } from '../../tuning/reading.js';
import { restoreRun, type RestoredPlace } from '../../tuning/restore.js';

/** Journals of devices: apart from tuning's and from each other, since each is put back when its context goes. */
const directory = `${stateDirectory}/devices`;

/** Of a PF that a run made VFs on; shared by its contexts. */
export const pfUnit = (address: string): string => `pf-${address}`;
/** Of a context; its name comes from YAML, so it becomes no path unchecked. */
export const contextUnit = (context: string): string =>
  `context-${context.replaceAll(/[^A-Za-z0-9_-]/g, '-').slice(0, 40)}-${createHash('sha256').update(context).digest('hex').slice(0, 8)}`;

export interface LabelledChange extends PlannedChange {
  readonly label: string;
}

const dropScript = `${trustFunctions}
trust "$1"
case $? in 0) ;; 66) exit 0 ;; *) exit 77 ;; esac
rm -f -- "$1/lease" "$1"/lease.[0-9]*
rmdir -- "$1" "\${1%/*}" "\${1%/*/*}" "\${1%/*/*/*}" 2>/dev/null
exit 0
`;
const listScript =
  'for path in "$1"/*/; do [ -d "$path" ] || continue; path=${path%/}; printf "%s\\n" "${path##*/}"; done';

const unitPath = (run: string, unit: string): string => `${directory}/${run}/${unit}`;

/** Opens the journal of a unit: what it changes is written there, and on the disk, before it changes. Safe to repeat. */
export const openUnit = async (host: Host, run: string, unit: string): Promise<void> => {
  const path = unitPath(run, unit);
  journalOf(run, path);
  const lease = { run, since: new Date().toISOString(), controller: await thisController() };
  const options = { root: true, check: false, stdin: `${JSON.stringify(lease)}\n` };
  const result = await host.exec(['sh', '-c', takeScript, 'kvm4nfv-lease', `${path}/lease`], options);
  assertTrusted(host.name, result);
  const { exitCode, stderr } = result;
  // 3: the same run has opened it before.
  if (exitCode !== 0 && exitCode !== 3)
    throw new Kvm4nfvError('E_JOURNAL_WRITE', `${host.name}: no journal can be written to ${path}: ${stderr.trim()}`, {
      hint: `It needs root (or sudo without a password) and a writable ${stateDirectory}.`,
    });
};

export interface Carried {
  readonly snapshot: Snapshot;
  /** Changes that the host refused, with what it said. */
  readonly refused: readonly { readonly label: string; readonly said: string }[];
}

interface Unit {
  readonly run: string;
  readonly unit: string;
  /** Boot id of the host. */
  readonly bootId: string;
}

/** Journals changes, makes them, and reads: one round trip. One refused does not keep those after it from being tried. */
export const carryOut = async (
  host: Host,
  { run, unit, bootId }: Unit,
  changes: readonly LabelledChange[],
  requests: readonly Request[] = [],
  signal?: AbortSignal,
): Promise<Carried> => {
  const journal = journalOf(run, unitPath(run, unit));
  const record = changes.flatMap(({ change, label }) =>
    change === undefined ? [] : [encodeEntry({ version: 1, run, boot: bootId, knob: 'sriov-vf', label, change })],
  );
  const acting = changes.filter(({ action }) => action !== undefined);
  const actions = acting.flatMap(({ action }) => (action === undefined ? [] : [action]));
  const { outcomes, snapshot } = await runBatch(host, { journal, record, actions, requests }, signal);
  const refused = outcomes.flatMap(({ status, said }: Outcome, index) =>
    status === 0 ? [] : [{ label: acting[index]?.label ?? '', said: said === '' ? `exit ${String(status)}` : said }],
  );
  return { snapshot, refused };
};

const told = ({ fate, label, detail }: RestoredPlace): string =>
  `${{ foreign: 'changed by others, left alone', failed: 'NOT restored', restored: 'restored', gone: 'gone', 'as-before': 'as before' }[fate]}: ${label}${detail === undefined ? '' : ` (${detail})`}`;

/** Puts back what a unit changed and forgets it; gives a line for each place. A `teardown` error where not all could be. */
export const restoreUnit = async (host: Host, run: string, unit: string): Promise<string[]> => {
  const path = unitPath(run, unit);
  const report = await restoreRun(host, run, { directory: path });
  if (!report.complete)
    throw new Kvm4nfvError(
      'E_VF_END',
      `${host.name}: ${report.places
        .filter(({ fate }) => fate === 'failed')
        .map(told)
        .join('; ')}`,
      { hint: `kvm4nfv cleanup --run ${run}` },
    );
  await host.exec(['sh', '-c', dropScript, 'kvm4nfv-drop', path], { root: true });
  return report.places.filter(({ fate }) => fate !== 'as-before').map(told);
};

/** Units of a run that are not put back yet: those of contexts first, since they stand on those of PFs. */
export const unitsOf = async (host: Host, run: string): Promise<string[]> => {
  journalOf(run);
  const argv = ['sh', '-c', listScript, 'kvm4nfv-list', `${directory}/${run}`];
  // Without root nothing was ever journalled.
  const { stdout } = await host.exec(argv, { root: true, check: false });
  return stdout
    .split('\n')
    .filter((unit) => unit !== '')
    .sort();
};
