import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const defaultsPath = '/etc/default/grub';
const dropIns = '/etc/default/grub.d/';
const trees = new URL('../fixtures/tuning/grub/', import.meta.url);

export const grubTrees = (): string[] => readdirSync(trees).sort();

/** The files of a tree of test/fixtures/tuning/grub, by the paths that they have on a machine. */
export const grubTree = (name: string): Record<string, string> => {
  const root = new URL(`${name}/`, trees);
  const inner = readdirSync(root).includes('grub.d') ? readdirSync(new URL('grub.d/', root)) : [];
  return {
    [defaultsPath]: readFileSync(new URL('grub', root), 'utf8'),
    ...Object.fromEntries(
      inner.map((file) => [`${dropIns}${file}`, readFileSync(new URL(`grub.d/${file}`, root), 'utf8')]),
    ),
  };
};

const sourcing = `
. "$1/grub" 2>/dev/null
for x in "$1"/grub.d/*.cfg; do [ ! -e "$x" ] || . "$x" 2>/dev/null; done
printf '%s' "\${GRUB_CMDLINE_LINUX} \${GRUB_CMDLINE_LINUX_DEFAULT}"
`;

/** The command line that GRUB's scripts make of such files: sourced by a real shell, in order. */
export const sourcedLine = (files: ReadonlyMap<string, string>, shell = 'sh'): string => {
  const root = mkdtempSync(join(tmpdir(), 'kvm4nfv-sourced-'));
  try {
    mkdirSync(join(root, 'grub.d'));
    for (const [path, text] of files)
      if (path === defaultsPath || path.startsWith(dropIns))
        writeFileSync(join(root, path.slice('/etc/default/'.length)), text);
    return execFileSync(shell, ['-c', sourcing, 'sh', root], { encoding: 'utf8' }).replaceAll(/\s+/g, ' ').trim();
  } finally {
    rmSync(root, { recursive: true });
  }
};
