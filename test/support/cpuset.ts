import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rmdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { eventually } from './eventually.js';

const root = '/sys/fs/cgroup';
const version1 = path.join(root, 'cpuset');

/** Whether this machine lets us make a cpuset, in either version of cgroups. */
export const canMakeCpuset = (): boolean =>
  existsSync(path.join(version1, 'cpuset.cpus')) ||
  (existsSync(path.join(root, 'cgroup.subtree_control')) &&
    readFileSync(path.join(root, 'cgroup.subtree_control'), 'utf8').includes('cpuset'));

export interface Cpuset extends AsyncDisposable {
  /** Comes before a command that is to run in it. */
  readonly prefix: readonly string[];
}

/** A cpuset with these CPUs; gone once the processes in it have ended. */
export const cpuset = async (cpus: string): Promise<Cpuset> => {
  const parent = existsSync(path.join(version1, 'cpuset.cpus')) ? version1 : root;
  const directory = path.join(parent, `kvm4nfv-test-${String(process.pid)}`);
  await mkdir(directory);
  await writeFile(path.join(directory, 'cpuset.cpus'), cpus);
  await writeFile(path.join(directory, 'cpuset.mems'), '0');
  return {
    prefix: ['sh', '-c', 'echo $$ >"$0/cgroup.procs" && exec "$@"', directory],
    [Symbol.asyncDispose]: async () => {
      await eventually('the cpuset to be empty', () => rmdir(directory).then(() => true));
    },
  };
};
