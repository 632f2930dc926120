import { Kvm4nfvError } from '../error.js';
import type { Host } from '../host/host.js';
import { trustFunctions } from '../host/trust-script.js';

export interface LabOptions {
  /** Directory of the lab on the host. Default: `lab` below /var/cache/kvm4nfv for root, else below $XDG_CACHE_HOME/kvm4nfv. */
  readonly directory?: string;
  readonly signal?: AbortSignal;
}

const whereScript = `${trustFunctions}
umask 022
if [ -n "$1" ]; then :
elif [ "$(id -u)" = 0 ]; then
  set -- /var/cache/kvm4nfv/lab
  trust "$1" 755 || exit
else set -- "\${XDG_CACHE_HOME:-$HOME/.cache}/kvm4nfv/lab"; fi
mkdir -p -- "$1/trees" "$1/states" "$1/machines" "$1/ports" && cd -- "$1" && pwd -P`;

/** The lab's directory on a host, made where it is not there: `trees`, `states`, `machines` and `ports` are in it. */
export const labDirectory = async (host: Host, options: LabOptions = {}): Promise<string> => {
  const argv = ['sh', '-c', whereScript, 'where', options.directory ?? ''];
  const { stdout } = await host.exec(argv, options.signal === undefined ? {} : { signal: options.signal });
  const directory = stdout.trim();
  // QEMU reads a comma and a line end as its own; sockets have at most 107 bytes of path.
  if (/^\/[A-Za-z0-9._/+-]+$/.test(directory)) return directory;
  throw new Kvm4nfvError('E_LAB_NAME', `${host.name}: ${JSON.stringify(directory)} can't be the lab's directory`, {
    hint: 'Name a path of letters, digits, dots, dashes and underscores.',
  });
};
