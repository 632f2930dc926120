import { fileURLToPath } from 'node:url';
import { localHost } from '../../../lib/host/local.js';
import type { TuningPlan } from '../../../lib/tuning/engine.js';

/** Runs a program of this folder in a mount namespace of its own, so that what it mounts is seen by nobody else. */
export const inNamespace = async (
  program: string,
  args: readonly string[],
  { shell = '', namespace = [] }: { readonly shell?: string; readonly namespace?: readonly string[] } = {},
): Promise<string> => {
  const path = fileURLToPath(new URL(`${program}.ts`, import.meta.url));
  const { stdout } = await localHost().exec(
    ['unshare', '--mount', '--propagation', 'private', ...namespace, 'sh', '-ec', `${shell}\nexec "$@"`, 'sh', process.execPath, '--import', 'tsx', path, ...args], // prettier-ignore
    { timeout: 120_000, maxOutput: 256 * 1024 * 1024 },
  );
  return stdout;
};

export interface Look extends TuningPlan {
  readonly seconds: number;
}

/** One look at a host of so many CPUs and interrupts. */
export const lookAtBigHost = async (cpus: number, interrupts: number, spec: object, shell?: string): Promise<Look> =>
  JSON.parse(
    await inNamespace(
      'look',
      [String(cpus), String(interrupts), JSON.stringify(spec)],
      shell === undefined ? {} : { shell },
    ),
  ) as Look;
