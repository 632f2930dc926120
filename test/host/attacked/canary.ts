import { lstat, mkdir, readdir, readFile, readlink, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A tree that has, by the names that a run uses, all that a run removes, changes the mode of or writes to. */
export const plantCanary = async (directory: string, run: string): Promise<void> => {
  for (const part of ['', run, `${run}/guest`, `${run}/job`, 'journal', 'images'])
    await mkdir(join(directory, part), { mode: 0o750, recursive: true });
  await writeFile(join(directory, 'important'), `{"run":"${run}","context":"guest"}\n`, { mode: 0o640 });
  for (const part of ['guest/disk.qcow2', 'guest/important', 'job/pid', 'job/status', 'job/stdout'])
    await writeFile(join(directory, run, part), part, { mode: 0o600 });
  for (const part of ['cpu-90000', 'cpu-90001', 'lease'])
    await writeFile(join(directory, part), `{"run":"${run}","context":"guest"}\n`);
  await symlink('important', join(directory, 'link'));
};

/** Names, kinds, modes, owners, times and contents of all that is below. */
export const describeTree = async (directory: string): Promise<readonly string[]> => {
  const names = ['', ...(await readdir(directory, { recursive: true }))].sort();
  return Promise.all(
    names.map(async (name) => {
      const at = join(directory, name);
      const { mode, uid, gid, mtimeMs } = await lstat(at);
      const kind = mode & 0o170000;
      const holds =
        kind === 0o100000 ? await readFile(at, 'utf8') : kind === 0o120000 ? await readlink(at) : String(kind);
      return [name, mode.toString(8), uid, gid, mtimeMs, holds].join(' ');
    }),
  );
};
