import * as z from 'zod';
import { Kvm4nfvError } from '../error.js';
import type { Host } from '../host/host.js';
import { assertTrusted } from '../host/trust.js';
import { trustFunctions } from '../host/trust-script.js';
import { lives, thisController, type Controller } from './controller.js';
import { stateDirectory } from './journal.js';

export const leasePath = `${stateDirectory}/lease`;

const leaseSchema = z.object({
  run: z.string(),
  since: z.string(),
  controller: z.object({
    host: z.string(),
    pid: z.number(),
    machine: z.string(),
    boot: z.string(),
    namespace: z.string(),
    started: z.string(),
  }),
});
export type Lease = z.output<typeof leaseSchema>;

/** `stale`: its controller is gone. `unknown`: it is a process of another machine, of which nothing can be said from here. */
export type LeaseState =
  | { readonly kind: 'free' }
  | { readonly kind: 'held' | 'stale' | 'unknown'; readonly lease: Lease }
  | { readonly kind: 'unreadable'; readonly text: string };

/**
 * `link` is atomic and fails where the name is taken; the file it links is complete by then: a line that a dying
 * controller sent only in part is none.
 */
export const takeScript = `${trustFunctions}
lease=$1; IFS= read -r text || exit 1
trust "\${lease%/*}" 700 || exit
printf '%s\\n' "$text" > "$lease.$$" && sync "$lease.$$" && ln "$lease.$$" "$lease" 2>/dev/null; taken=$?
rm -f "$lease.$$"
[ "$taken" = 0 ] && exit 0
cat "$lease" && exit 3`;
/** Takes the lease away only as long as it is the one that was read. */
export const dropScript = `${trustFunctions}
lease=$1; expected=$2
[ -e "$lease" ] || exit 0
trust "\${lease%/*}" || exit
[ "$(cat "$lease")" = "$expected" ] || exit 3
rm -f "$lease" "$lease".[0-9]*; rmdir "\${lease%/*}" 2>/dev/null; exit 0`;
export const readScript = `${trustFunctions}
[ ! -e "$1" ] || { trust "\${1%/*}" && cat "$1"; }`;

const stateOf = async (text: string): Promise<LeaseState> => {
  if (text.trim() === '') return { kind: 'free' };
  let lease: Lease;
  try {
    lease = leaseSchema.parse(JSON.parse(text));
  } catch {
    return { kind: 'unreadable', text };
  }
  const alive = await lives(lease.controller);
  return { kind: alive === undefined ? 'unknown' : alive ? 'held' : 'stale', lease };
};

/** Who has the host now. */
export const leaseOf = async (host: Host): Promise<LeaseState> => {
  const { stdout } = await host.exec(['sh', '-c', readScript, 'kvm4nfv-lease', leasePath], { root: true });
  return stateOf(stdout);
};

const describe = ({ run, since, controller }: Lease): string =>
  `run ${run} of ${controller.host} (process ${String(controller.pid)}, since ${since})`;

const refusal = (host: Host, state: Exclude<LeaseState, { kind: 'free' }>): Kvm4nfvError => {
  if (state.kind === 'unreadable')
    return new Kvm4nfvError('E_LEASE', `${host.name}: ${leasePath} is no lease of ours: ${state.text.slice(0, 80)}`, {
      hint: `Remove ${leasePath} once you know that no run uses the host.`,
    });
  const { run } = state.lease;
  const restore = `\`kvm4nfv tune restore ${host.name} --run ${run}\` puts back what it changed (\`kvm4nfv cleanup --run ${run}\`: all that it left).`;
  const hints = {
    held: 'Wait for it, or stop it.',
    stale: `Its controller is gone: ${restore}`,
    unknown: `If that process is gone: ${restore}`,
  };
  return new Kvm4nfvError('E_IN_USE', `${host.name} is in use by ${describe(state.lease)}`, {
    hint: hints[state.kind],
  });
};

/**
 * Refuses (`environment`) where a live run has the host: what it set is not to be put back under it. Of a controller on
 * another machine nobody here can tell; there the user must have named the run.
 */
export const assertNotInUse = (host: Host, state: LeaseState, named?: string): void => {
  if (state.kind === 'free' || state.kind === 'stale') return;
  if (state.kind === 'unknown' && state.lease.run === named) return;
  throw refusal(host, state);
};

/** Who has it instead; undefined: it is taken. Another run that just gives the host back may remove the directory below us: then again. */
const tryToTake = async (
  host: Host,
  lease: Lease,
  attempts: number,
): Promise<Exclude<LeaseState, { kind: 'free' }> | undefined> => {
  const argv = ['sh', '-c', takeScript, 'kvm4nfv-lease', leasePath];
  const options = { root: true, check: false, stdin: `${JSON.stringify(lease)}\n` };
  const result = await host.exec(argv, options);
  assertTrusted(host.name, result);
  const { exitCode, stdout, stderr } = result;
  if (exitCode === 0) return undefined;
  const state: LeaseState = exitCode === 3 ? await stateOf(stdout) : { kind: 'free' };
  if (state.kind !== 'free') return state;
  if (attempts > 1) return tryToTake(host, lease, attempts - 1);
  throw new Kvm4nfvError('E_LEASE', `${host.name}: the lease can't be written: ${stderr.trim()}`, {
    hint: `Tuning needs root and a writable ${stateDirectory}.`,
  });
};

export interface TakenLease extends Lease {
  /** The run had it before: another of its tunings is in force there, and gives the host back. */
  readonly before: boolean;
}

/**
 * Takes the host for a run; one run has it at a time. A run that has it already has it still. An `environment` error
 * says who has it otherwise, even where that run is dead: what it changed must be put back first.
 */
export const takeLease = async (host: Host, run: string, controller?: Controller): Promise<TakenLease> => {
  const lease: Lease = { run, since: new Date().toISOString(), controller: controller ?? (await thisController()) };
  const state = await tryToTake(host, lease, 3);
  if (state === undefined) return { ...lease, before: false };
  if (state.kind !== 'unreadable' && state.lease.run === run && state.kind === 'held')
    return { ...state.lease, before: true };
  throw refusal(host, state);
};

/** Gives the host back, where the run has it. */
export const dropLease = async (host: Host, run: string): Promise<void> => {
  const { stdout } = await host.exec(['sh', '-c', readScript, 'kvm4nfv-lease', leasePath], { root: true });
  const state = await stateOf(stdout);
  if (state.kind === 'free' || state.kind === 'unreadable' || state.lease.run !== run) return;
  await host.exec(['sh', '-c', dropScript, 'kvm4nfv-lease', leasePath, stdout.trimEnd()], { root: true, check: false });
};
