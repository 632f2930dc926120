import * as z from 'zod';
import { Kvm4nfvError } from '../error.js';
import { CommandError, type Host } from '../host/host.js';
import { prepareScript, removeScript } from './instance-scripts.js';
import type { WireEnds } from './ports.js';

const word = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** The machine `name` of a run; both become parts of a path. */
export interface MachineName {
  readonly run: string;
  readonly name: string;
}

export const checkMachineName = ({ run, name }: MachineName): string => {
  for (const part of [run, name])
    if (!word.test(part))
      throw new Kvm4nfvError('E_LAB_NAME', `not the name of a virtual host: ${JSON.stringify(part)}`, {
        hint: 'Use up to 64 letters, digits, dots, dashes and underscores.',
      });
  return `${run}/${name}`;
};

/** `machine.json` in a machine's directory. */
const port = z.int().min(1).max(65535);
export const machineRecordSchema = z.strictObject({
  schemaVersion: z.literal(1),
  run: z.string(),
  name: z.string(),
  /** TCP port on loopback of the host. */
  sshPort: port,
  wire: z.strictObject({ port, peerPort: port }),
  /** Public host key, as in authorized_keys. */
  hostKey: z.string(),
  /** ISO 8601. */
  startedAt: z.string(),
  /** Digest of the saved state that it came from. */
  state: z.string().optional(),
  options: z.record(z.string(), z.unknown()),
});
export type MachineRecord = z.output<typeof machineRecordSchema>;

export interface Prepared {
  readonly directory: string;
  readonly sshPort: number;
  readonly wire: WireEnds;
}

/** Not among those that Linux hands out by itself, 32768 and up. */
const portRange = { first: 20_000, last: 32_767 };
const candidates = 64;

/** Ports to try, in a random order, so that two machines made at once seldom try the same. */
export const portCandidates = (random: () => number = Math.random): readonly number[] => {
  const count = portRange.last - portRange.first + 1;
  const wanted = new Set<number>();
  while (wanted.size < candidates) wanted.add(portRange.first + Math.floor(random() * count));
  return [...wanted];
};

export interface BackingDisk {
  readonly path: string;
  readonly format: 'raw' | 'qcow2';
}

// A unix socket's path has at most 107 bytes; the longest name in the directory is `console.sock`.
const longestDirectory = 107 - '/console.sock'.length;

/** Makes a machine's directory with its disk, and keeps three ports for it. */
export const prepareInstance = async (
  host: Host,
  lab: string,
  machine: MachineName,
  disk: { readonly imageTool: string; readonly backing: BackingDisk },
  signal?: AbortSignal,
): Promise<Prepared> => {
  const path = checkMachineName(machine);
  const directory = `${lab}/machines/${path}`;
  if (directory.length > longestDirectory)
    throw new Kvm4nfvError('E_LAB_NAME', `${directory} is too long for the sockets of a virtual host`, {
      hint: `Use a directory of the lab and names that make at most ${String(longestDirectory)} characters.`,
    });
  const { imageTool, backing } = disk;
  const argv = ['sh', '-c', prepareScript, 'prepare', lab, path, imageTool, backing.path, backing.format, '3'];
  try {
    const options = signal === undefined ? {} : { signal };
    const { stdout } = await host.exec([...argv, ...portCandidates().map(String)], { timeout: 60_000, ...options });
    const [sshPort, wirePort, peerPort] = stdout.trim().split('\n').map(Number);
    if (sshPort === undefined || wirePort === undefined || peerPort === undefined)
      throw new Kvm4nfvError('internal', `${host.name}: not three ports: ${JSON.stringify(stdout)}`);
    return { directory, sshPort, wire: { port: wirePort, peerPort } };
  } catch (error) {
    if (error instanceof CommandError && error.result.exitCode === 73)
      throw new Kvm4nfvError('E_EXISTS', `${host.name}: there is a virtual host ${path} already`, { cause: error });
    await removeInstance(host, lab, path);
    throw error;
  }
};

/** Removes a machine's directory, or those of a whole run; its QEMU must have ended. Whether there was one. */
export const removeInstance = async (host: Host, lab: string, path: string): Promise<boolean> => {
  const { stdout } = await host.exec(['sh', '-c', removeScript, 'remove', lab, path], { timeout: 60_000 });
  return stdout.includes('removed');
};

/** A machine's directory, and what its record says. */
export interface ListedInstance extends MachineName {
  /** Absent where its start was cut short, or is not that far yet. */
  readonly record?: MachineRecord;
}

const listScript = `cd -- "$1/machines" || exit
for directory in */*/; do
  [ -d "$directory" ] || continue
  printf '%s\\037' "\${directory%/}"
  [ ! -e "$directory/machine.json" ] || cat "$directory/machine.json"
  printf '\\036'
done`;

/** The machines that there are, those too whose QEMU has ended. */
export const listInstances = async (host: Host, lab: string): Promise<readonly ListedInstance[]> => {
  const { stdout } = await host.exec(['sh', '-c', listScript, 'list', lab]);
  return stdout
    .split('\x1e')
    .slice(0, -1)
    .map((listed) => {
      const [path = '', text = ''] = listed.split('\x1f');
      const [run = '', name = ''] = path.split('/');
      const record = parseMachineRecord(text);
      return { run, name, ...(record === undefined ? {} : { record }) };
    });
};

/** Undefined where it is none. */
export const parseMachineRecord = (text: string): MachineRecord | undefined => {
  try {
    return machineRecordSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
};
