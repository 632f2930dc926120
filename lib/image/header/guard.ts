import { Kvm4nfvError } from '../../error.js';
import type { Host } from '../../host/host.js';
import { headLength, tailLength, type FileBytes } from './bytes.js';
import { imageHeader, unfitFor, type DiskUse, type ImageHeader } from './header.js';

// Prints the size and, in base64, beginning and end; or `not`, a word for what is wrong, and the system's own words.
const readScript = `
export LC_ALL=C
path=$1
said=$(stat -L -c '%s %F' -- "$path" 2>&1) || {
  case $said in
  *'No such file or directory' | *'Not a directory') echo "not there \${said##*: }" ;;
  *) echo "not readable \${said##*: }" ;;
  esac
  exit 0
}
case \${said#* } in
regular*) ;;
*) echo "not regular \${said#* }"; exit 0 ;;
esac
said2=$({ : <"$path"; } 2>&1) || { echo "not readable \${said2##*: }"; exit 0; }
echo "\${said%% *}"
head -c "$2" -- "$path" | base64 | tr -d '\\n'; echo
tail -c "$3" -- "$path" | base64 | tr -d '\\n'; echo
`;

export interface GuardOptions {
  readonly signal?: AbortSignal;
  /** Read the file as root. Default: false. */
  readonly root?: boolean;
}

/** Bytes of a file on the host. Faults as of {@link guardImage}. */
const readFileBytes = async (host: Host, path: string, options: GuardOptions): Promise<FileBytes> => {
  const argv = ['sh', '-c', readScript, 'header', path, String(headLength), String(tailLength)];
  const [first = '', head = '', tail = ''] = (await host.exec(argv, options)).stdout.split('\n');
  const [, wrong, words = ''] = /^not (there|readable|regular) (.*)$/.exec(first) ?? [];
  if (wrong === 'there')
    throw new Kvm4nfvError('E_IMAGE', `${host.name}: there is no image ${path} (${words})`, {
      hint: 'Name a file that is on that host.',
    });
  if (wrong === 'readable')
    throw new Kvm4nfvError('E_HOST_FILE', `${host.name}: ${path} can't be read: ${words}`, {
      hint: 'Let the user read it, and all directories above it.',
    });
  if (wrong === 'regular')
    throw new Kvm4nfvError('E_IMAGE', `${host.name}: ${path} is a ${words}, no image`, { hint: 'Name a file.' });
  return { size: Number(first), head: Buffer.from(head, 'base64'), tail: Buffer.from(tail, 'base64') };
};

/** What a file on the host is, by its header. Faults as of {@link guardImage}. */
export const headerOf = async (host: Host, path: string, options: GuardOptions = {}): Promise<ImageHeader> =>
  imageHeader(await readFileBytes(host, path, options));

/**
 * Stands at every entrance of disk images: reads the header of a file on the host and lets only those pass that stand on
 * their own in a format of ours. Gives the format. Fault `usage` where the file is not such an image, or not there;
 * `environment` where it can't be read.
 */
export const guardImage = async (
  host: Host,
  path: string,
  use: DiskUse,
  options: GuardOptions = {},
): Promise<'raw' | 'qcow2'> => {
  const header = await headerOf(host, path, options);
  const unfit = unfitFor(header, use);
  if (unfit !== undefined)
    throw new Kvm4nfvError(unfit.unsafe ? 'E_IMAGE_UNSAFE' : 'E_IMAGE', `${host.name}: ${path} ${unfit.why}`, {
      hint: unfit.hint,
    });
  return header.format === 'qcow2' ? 'qcow2' : 'raw';
};
