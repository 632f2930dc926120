import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { localHost } from '../../host/local.js';
import type { SimulatedHost, SimulatedOutcome } from '../../host/simulated.js';
import { cleanShell, grubDefaults, grubDropIns } from './grub-defaults.js';

export const sourcesGrub = (argv: readonly string[]): boolean => argv[2] === cleanShell;

/**
 * Lets a real shell source the boot files of a simulated host: copies of them, on this machine. It is bash by the name of sh
 * where there is one, as on the distributions whose files may need it.
 */
export const sourceGrub = async (host: SimulatedHost, argv: readonly string[]): Promise<SimulatedOutcome> => {
  const root = await mkdtemp(join(tmpdir(), 'kvm4nfv-grub-'));
  try {
    await mkdir(join(root, 'bin'));
    const local = localHost();
    const bash = (await local.exec(['sh', '-c', 'command -v bash'], { check: false })).stdout.trim();
    if (bash !== '') await symlink(bash, join(root, 'bin/sh'));
    for (const [path, content] of host.files)
      if (path === grubDefaults || path.startsWith(`${grubDropIns}/`)) {
        await mkdir(dirname(join(root, path)), { recursive: true });
        await writeFile(join(root, path), content);
      }
    const here = argv.map((word) => (word === grubDefaults || word === grubDropIns ? join(root, word) : word));
    const path = `${join(root, 'bin')}:${process.env['PATH'] ?? '/usr/bin:/bin'}`;
    const { exitCode = 143, stdout, stderr } = await local.exec(here, { check: false, env: { PATH: path } });
    return { exitCode, stdout, stderr };
  } finally {
    await rm(root, { recursive: true, force: true });
  }
};
