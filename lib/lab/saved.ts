import { createHash } from 'node:crypto';
import * as z from 'zod';
import { Kvm4nfvError } from '../error.js';
import type { Host } from '../host/host.js';
import type { Definition } from './definition.js';
import { sealScript, findScript } from './instance-scripts.js';
import { qemuArguments } from './machine.js';
import type { VirtualHostOptions } from './options.js';
import { labDirectory, type LabOptions } from './places.js';
import { pstateTable } from './pstates.js';
import type { Qmp } from './qmp.js';
import { portsWithVfs } from './vfs.js';
import type { VirtualHost } from './virtual-host.js';

/** `state.json` beside the files of a saved state. */
const savedStateSchema = z.strictObject({
  schemaVersion: z.literal(1),
  digest: z.string(),
  /** Digest of the image that its disk is an overlay of. */
  image: z.string(),
  /** Version of the QEMU that wrote it. */
  qemu: z.string(),
  savedAt: z.string(),
  options: z.record(z.string(), z.unknown()),
});

/** A virtual host that has booted, waiting to be continued any number of times. Paths are of its host. */
export interface SavedState extends z.output<typeof savedStateSchema> {
  readonly directory: string;
  readonly memory: string;
  readonly disk: { readonly path: string; readonly format: 'qcow2' };
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Of what a machine is like when it is saved: VFs are made later. */
export const machineDigest = (options: VirtualHostOptions): string => {
  const kept = Object.entries(options).filter(([name]) => name !== 'vfs');
  return sha256(JSON.stringify(kept.sort(([a], [b]) => (a < b ? -1 : 1))));
};

/** Names a saved state by all that it depends on: the image's content, QEMU's, and the command line but for names and ports. */
export const stateDigest = ({ options, image, tree, images }: Definition): string => {
  const nowhere = {
    directory: '/d',
    kernel: '/k',
    initrd: '/i',
    data: '/r',
    sshPort: 1,
    wire: { port: 2, peerPort: 3 },
  };
  const argv = qemuArguments(options, {
    ...nowhere,
    name: 'n',
    cmdline: image.cmdline,
    disk: { path: '/o', format: 'qcow2' },
    macs: machineDigest(options),
    ...(images === undefined ? {} : { images: '/c' }),
  });
  const table = options.pstates ? Buffer.from(pstateTable(options.vcpus)).toString('base64') : '';
  const files = Object.entries(image.files)
    .map(([name, file]) => `${name} ${file.sha256}`)
    .sort();
  return sha256(JSON.stringify([1, files, tree.digest, argv, table]));
};

/** Saving to a file by pages at fixed places, several at a time: both sides must be told alike. */
export const stateCapabilities = async (monitor: Qmp): Promise<void> => {
  const capabilities = ['mapped-ram', 'multifd', 'events'].map((capability) => ({ capability, state: true }));
  await monitor.execute('migrate-set-capabilities', { capabilities });
  await monitor.execute('migrate-set-parameters', { 'multifd-channels': 2 });
};

const located = (directory: string, text: string): SavedState => ({
  ...savedStateSchema.parse(JSON.parse(text)),
  directory,
  memory: `${directory}/memory`,
  disk: { path: `${directory}/disk.qcow2`, format: 'qcow2' },
});

/** The saved state of a definition, or nothing where there is none. One that was changed since is removed. */
export const findState = async (
  host: Host,
  definition: Definition,
  options: LabOptions = {},
): Promise<SavedState | undefined> => {
  const directory = `${await labDirectory(host, options)}/states/${stateDigest(definition)}`;
  const { exitCode, stdout } = await host.exec(['sh', '-c', findScript, 'find', directory], { check: false });
  if (exitCode === 0) return located(directory, stdout);
  if (exitCode !== 66) await host.exec(['rm', '-rf', '--one-file-system', '--', directory]);
  return undefined;
};

const saveTimeout = 5 * 60_000;

/** QEMU saves VFs without a word of complaint, and they come back dead: COMMAND=0000, no carrier. */
const refuseVfs = async (machine: VirtualHost, signal: { readonly signal?: AbortSignal }): Promise<void> => {
  await using guest = await machine.connect(signal);
  const ports = await portsWithVfs(guest, signal.signal);
  if (ports.length === 0) return;
  throw new Kvm4nfvError(
    'E_SAVED_STATE',
    `${machine.host.name}: ${machine.run}/${machine.name} can't be saved: ${ports.join(', ')} have VFs, whose state would be lost`,
    { hint: `Write 0 to sriov_numvfs of ${ports.join(', ')} there, and make the VFs after the restore.` },
  );
};

/** Stops a machine that has booted and keeps its state. Throws an `environment` error where it has VFs. */
export const saveState = async (
  machine: VirtualHost,
  definition: Definition,
  options: LabOptions = {},
): Promise<SavedState> => {
  const { host, directory } = machine;
  const signal = options.signal === undefined ? {} : { signal: options.signal };
  const states = `${await labDirectory(host, options)}/states`;
  await refuseVfs(machine, signal);
  const monitor = await machine.monitor(signal);
  try {
    await monitor.execute('stop');
    await stateCapabilities(monitor);
    const saved = monitor.event(
      ({ event, data }) => event === 'MIGRATION' && (data['status'] === 'completed' || data['status'] === 'failed'),
      { ...signal, timeout: saveTimeout },
    );
    await Promise.all([monitor.execute('migrate', { uri: `file:${directory}/memory` }), saved]);
    if ((await saved).data['status'] === 'failed')
      throw new Kvm4nfvError('E_QEMU', `${host.name}: QEMU can't save the state of ${machine.name}`, {
        hint: `Is the disk of ${directory} full?`,
      });
    await monitor.execute('quit');
  } finally {
    await monitor[Symbol.asyncDispose]();
  }
  await machine.job.wait({ timeout: 60_000, ...signal });
  const digest = stateDigest(definition);
  const record: z.output<typeof savedStateSchema> = {
    schemaVersion: 1,
    digest,
    image: definition.image.digest,
    qemu: definition.tree.version,
    savedAt: new Date().toISOString(),
    options: { ...definition.options },
  };
  const stdin = `${JSON.stringify(record, null, 2)}\n`;
  await host.exec(['sh', '-c', sealScript, 'seal', states, digest, directory], {
    stdin,
    timeout: saveTimeout,
    ...signal,
  });
  return located(`${states}/${digest}`, stdin);
};
