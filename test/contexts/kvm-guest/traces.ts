import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

const roots = [
  '/run/kvm4nfv',
  '/var/tmp/kvm4nfv',
  '/run/lock/kvm4nfv',
  '/var/cache/kvm4nfv/states',
  '/var/cache/kvm4nfv/images',
];

const list = (directory: string): string[] => {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
};

const text = (file: string): string => {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
};

const isOurs = (pid: string): boolean => {
  try {
    return Number(pid) === process.pid || readlinkSync(`/proc/${pid}/exe`) === '';
  } catch {
    return true;
  }
};

/**
 * Everything on this machine that names `marks` (a run's id, a value of the environment that a run's processes inherit):
 * processes by command line or environment, files by name, leases by content, mounts. One line each, sorted.
 */
export const traces = (...marks: readonly string[]): readonly string[] => {
  const names = (value: string): boolean => marks.some((mark) => value.includes(mark));
  const processes = list('/proc')
    .filter((name) => /^\d+$/.test(name) && !isOurs(name))
    .filter((pid) => names(text(`/proc/${pid}/cmdline`)) || names(text(`/proc/${pid}/environ`)))
    .map((pid) => `process ${text(`/proc/${pid}/comm`).trim()} ${pid}`);
  const files = roots.flatMap((root) =>
    list(root)
      .flatMap((name) => [join(root, name), ...list(join(root, name)).map((below) => join(root, name, below))])
      .filter((file) => names(file) || (root.startsWith('/run/lock') && names(text(file)))),
  );
  const mounts = text('/proc/self/mounts').split('\n').filter(names);
  return [...processes, ...files.map((file) => `file ${file}`), ...mounts].sort();
};

/** The process ids of QEMU whose command line has `mark`. */
export const qemusOf = (mark: string): readonly number[] =>
  list('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => text(`/proc/${pid}/comm`).startsWith('qemu') && text(`/proc/${pid}/cmdline`).includes(mark))
    .map(Number);
