import { appendFile, chmod, chown, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HostSpec } from '../../../lib/host/spec.js';
import { startSshd } from '../../support/sshd.js';

/** A user as such users are set up in the wild. */
export interface Login {
  readonly name: string;
  readonly shell: string;
  /** A file in its home. */
  readonly rc?: readonly [file: string, text: string];
  /** Lines of sudoers. */
  readonly sudo?: readonly string[];
}

const all = (name: string): string => `${name} ALL=(ALL) NOPASSWD: ALL`;

export const logins: readonly Login[] = [
  { name: 'plain', shell: '/bin/bash', sudo: [all('plain')] },
  {
    name: 'noisy',
    shell: '/bin/bash',
    rc: ['.bashrc', 'echo "Welcome to the lab, module loaded"'],
    sudo: [all('noisy')],
  },
  { name: 'noisyerr', shell: '/bin/bash', rc: ['.bashrc', 'echo "stty: Inappropriate ioctl for device" >&2'] },
  { name: 'titled', shell: '/bin/bash', rc: ['.bashrc', String.raw`printf '\033]0;title\007'; stty -ixon`] },
  { name: 'execfish', shell: '/bin/bash', rc: ['.bashrc', 'exec fish'] },
  { name: 'exitrc', shell: '/bin/bash', rc: ['.bashrc', '[ -z "$PS1" ] && exit 1'] },
  { name: 'slow', shell: '/bin/bash', rc: ['.bashrc', 'sleep 2'] },
  { name: 'fishu', shell: '/usr/bin/fish', sudo: [all('fishu')] },
  { name: 'tcshu', shell: '/usr/bin/tcsh', sudo: [all('tcshu')] },
  { name: 'zshu', shell: '/usr/bin/zsh', sudo: [all('zshu')] },
  { name: 'rbashu', shell: '/usr/bin/rbash' },
  { name: 'nolog', shell: '/usr/sbin/nologin' },
  { name: 'falsely', shell: '/bin/false' },
  { name: 'asked', shell: '/bin/bash', sudo: ['asked ALL=(ALL) ALL'] },
  { name: 'nottyu', shell: '/bin/bash', sudo: ['Defaults:nottyu requiretty', all('nottyu')] },
  {
    name: 'logged',
    shell: '/bin/bash',
    sudo: ['Defaults:logged use_pty, log_output, iolog_dir=@dir@/iolog', all('logged')],
  },
];

export interface LoginLab extends AsyncDisposable {
  spec(user: string): HostSpec;
}

const bound = ['passwd', 'shadow', 'group', 'sudoers', 'hosts'];

/** Everything of the lab lies in namespaces of its sshd: no user of this machine is made or changed. */
const script = String.raw`
set -e
dir=$1
shift
hostname kvm4nfv-nowhere
for file in ${bound.join(' ')}; do mount --bind "$dir/etc/$file" "/etc/$file"; done
exec "$@"
`;

/** An sshd whose machine has all of {@link logins}, and a host name that nothing resolves, which sudo warns of. */
export const startLoginLab = async (): Promise<LoginLab> => {
  const directory = await mkdtemp(join(tmpdir(), 'kvm4nfv-logins-'));
  const etc = join(directory, 'etc');
  await mkdir(etc);
  await chmod(directory, 0o755);
  for (const file of bound)
    await copyFile(join('/etc', file), join(etc, file)).catch(() => writeFile(join(etc, file), ''));
  await writeFile(join(etc, 'hosts'), '127.0.0.1 localhost\n');
  const sshd = await startSshd({
    prefix: ['unshare', '--mount', '--uts', 'sh', '-c', script, 'sh', directory],
    homes: true,
    config: [`AuthorizedKeysFile ${directory}/authorized_keys`],
  });
  for (const [index, { name, shell, rc, sudo = [] }] of logins.entries()) {
    const id = 53_000 + index;
    const home = join(directory, 'home', name);
    await mkdir(home, { recursive: true });
    await appendFile(join(etc, 'passwd'), `${name}:x:${String(id)}:${String(id)}::${home}:${shell}\n`);
    await appendFile(join(etc, 'shadow'), `${name}:*:19000:0:99999:7:::\n`);
    await appendFile(join(etc, 'group'), `${name}:x:${String(id)}:\n`);
    await appendFile(join(etc, 'sudoers'), sudo.map((line) => `${line.replaceAll('@dir@', directory)}\n`).join(''));
    if (rc !== undefined) await writeFile(join(home, rc[0]), `${rc[1]}\n`);
    await chown(home, id, id);
  }
  await chmod(join(etc, 'sudoers'), 0o440);
  await writeFile(join(directory, 'authorized_keys'), await readFile(`${sshd.identity}.pub`));
  return {
    spec: (user) => sshd.spec({ user }),
    [Symbol.asyncDispose]: async () => {
      await sshd[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
    },
  };
};
