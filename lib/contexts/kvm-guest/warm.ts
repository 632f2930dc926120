import { createHash } from 'node:crypto';
import * as z from 'zod';
import { Kvm4nfvError } from '../../error.js';
import type { Host } from '../../host/host.js';
import { slownessOf } from '../../host/patience.js';
import { restoreLine } from '../../image/first-boot.js';
import { stateCache } from '../../image/cache.js';
import { deadline } from '../../libvirt/deadline.js';
import type { Hypervisor } from '../../libvirt/hypervisor.js';
import { retargetSavedState } from '../../libvirt/save-image.js';
import { domainXml } from '../../libvirt/domain/domain-xml.js';
import { domainOptions, filesOf, type GuestDefinition, type GuestIdentity } from './domain.js';

const format = 1;

const savedSchema = z.object({
  identity: z.object({
    run: z.string(),
    context: z.string(),
    name: z.string(),
    uuid: z.string(),
    mac: z.string(),
    directory: z.string(),
    port: z.number().optional(),
  }),
});

/** A saved guest of the cache: memory, devices and disk as they were right after its boot. */
export interface SavedGuest {
  readonly directory: string;
  readonly identity: GuestIdentity;
}

const neutral: GuestIdentity = {
  run: 'run',
  context: 'context',
  name: 'guest',
  uuid: '00000000-0000-4000-8000-000000000000',
  mac: '52:54:00:00:00:01',
  directory: '/guest',
  port: 1,
};

/** Names what a saved state depends on: the definition without what sets one guest apart, the image's bytes, hypervisor, processor. */
export const stateKey = (
  definition: GuestDefinition,
  host: { readonly versions: unknown; readonly cpu: unknown },
): string => {
  const { source, accelerator } = definition;
  const cpu = accelerator === 'kvm' ? host.cpu : '';
  return createHash('sha256')
    .update(
      JSON.stringify([
        format,
        domainXml(domainOptions(definition, neutral)),
        source.content,
        source.disk,
        cpu,
        host.versions,
      ]),
    )
    .digest('hex');
};

const locationOf = async (host: Host, key: string, signal: AbortSignal): Promise<string> =>
  `${await stateCache(host, { signal })}/${key}`;

/** The saved state of that key; undefined where the cache has none, or one that can't be read. */
export const findSaved = async (host: Host, key: string, signal: AbortSignal): Promise<SavedGuest | undefined> => {
  const directory = await locationOf(host, key, signal);
  // Its time of change tells when it was used last.
  const { exitCode, stdout } = await host.exec(
    ['sh', '-c', 'touch -- "$1" && cat -- "$1"', 'sh', `${directory}/saved.json`],
    { check: false, signal },
  );
  if (exitCode !== 0) return undefined;
  try {
    const { identity } = savedSchema.parse(JSON.parse(stdout));
    return { directory, identity: { ...identity, port: identity.port } };
  } catch {
    return undefined;
  }
};

/** Takes a saved state that can't be used out of the cache. Guests that were started from it keep what they have open. */
export const dropSaved = async (host: Host, { directory }: SavedGuest): Promise<void> => {
  await host.exec(['rm', '-rf', '--one-file-system', '--', directory]);
};

// The directory appears under its name whole or not at all; where another run was faster, ours goes. What nobody has used
// for a month goes too.
const sealScript = `
[ -e "$2/saved.json" ] || rm -rf --one-file-system -- "$2"
mv -T -- "$1" "$2" 2>/dev/null || rm -rf --one-file-system -- "$1" || exit
find "\${2%/*}" -mindepth 2 -maxdepth 2 -name saved.json -mtime +30 | while read -r old; do
  rm -rf --one-file-system -- "\${old%/*}"
done
`;

/** Saves a running guest, which ends by it, and puts state and disk into the cache. */
export const saveGuest = async (
  host: Host,
  hypervisor: Hypervisor,
  key: string,
  identity: GuestIdentity,
  signal: AbortSignal,
): Promise<SavedGuest> => {
  const directory = await locationOf(host, key, signal);
  const making = `${directory}.${identity.run}.${identity.context}.making`;
  try {
    await host.exec(['mkdir', '-m', '0711', '--', making], { signal });
    // Not to be interrupted: libvirtd would go on without us.
    await hypervisor.save(identity.name, `${making}/state`);
    await host.exec(['mv', '--', filesOf(identity).disk, `${making}/disk.qcow2`], { signal });
    await host.write(`${making}/saved.json`, JSON.stringify({ identity }));
    await host.exec(['sh', '-c', sealScript, 'sh', making, directory], { signal });
    return (await findSaved(host, key, signal)) ?? { directory, identity };
  } catch (error) {
    await host.exec(['rm', '-rf', '--one-file-system', '--', making], { check: false });
    throw error;
  }
};

const escaped = (text: string): string =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll("'", '&apos;')
    .replaceAll('"', '&quot;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;');

/** The document of a saved guest for another one: what sets them apart, and nothing else, is replaced. */
export const retargetDocument = (xml: string, from: GuestIdentity, to: GuestIdentity): string => {
  const pairs: readonly (readonly [string, string])[] = [
    [`<name>${escaped(from.name)}</name>`, `<name>${escaped(to.name)}</name>`],
    [from.uuid, to.uuid],
    [from.directory, to.directory],
    [
      `run='${escaped(from.run)}' context='${escaped(from.context)}'`,
      `run='${escaped(to.run)}' context='${escaped(to.context)}'`,
    ],
    [
      `run="${escaped(from.run)}" context="${escaped(from.context)}"`,
      `run="${escaped(to.run)}" context="${escaped(to.context)}"`,
    ],
    ...(from.port === undefined || to.port === undefined
      ? []
      : [[`:${String(from.port)}-:22`, `:${String(to.port)}-:22`] as const]),
  ];
  return pairs.reduce((text, [before, after]) => text.replaceAll(before, after), xml);
};

const stateOf = ({ directory }: GuestIdentity): string => `${directory}/state`;

/** Copies a saved state for another guest, with its document in it. */
export const copySaved = async (
  host: Host,
  saved: SavedGuest,
  identity: GuestIdentity,
  signal: AbortSignal,
): Promise<void> => {
  const retarget = (xml: string): string => retargetDocument(xml, saved.identity, identity);
  await retargetSavedState(host, `${saved.directory}/state`, stateOf(identity), retarget, { signal });
};

const applyWithin = 60_000;

/** Makes a restored guest the one that its new first-boot disk describes: clock, host key, machine id, addresses, entropy. */
const applyIdentity = async (host: Host, identity: GuestIdentity, id: string, signal: AbortSignal): Promise<void> => {
  const stream = await host.connect({ path: filesOf(identity).control }, { signal });
  try {
    const answer = new Promise<string>((resolve, reject) => {
      let text = '';
      stream.on('data', (data: Buffer) => {
        text += data.toString('latin1');
        if (text.includes('\n')) resolve(text.trim());
      });
      stream.once('error', reject);
      stream.once('close', () => {
        reject(new Error('the guest closed its control port'));
      });
      stream.write(restoreLine());
    });
    const said = await deadline(answer, applyWithin, signal, 'its control port', () => slownessOf(host));
    if (said !== `applied ${id}`) throw new Error(said);
  } catch (error) {
    signal.throwIfAborted();
    const why = error instanceof Error ? error.message : String(error);
    throw new Kvm4nfvError(
      'E_GUEST_START',
      `guest ${identity.context}: its identity was not taken over after the restore: ${why}`,
      {
        hint: 'start it cold with warm: false',
        cause: error,
      },
    );
  } finally {
    stream.on('error', () => undefined).destroy();
  }
};

/**
 * Starts a guest from its copy of a saved state, with its own overlay of the saved disk.
 * @param id what the guest must answer once it is the one that its new first-boot disk describes
 */
export const startSaved = async (
  host: Host,
  hypervisor: Hypervisor,
  identity: GuestIdentity,
  id: string,
  signal: AbortSignal,
): Promise<void> => {
  // Not to be interrupted: libvirtd would go on without us, and start the guest after it was looked for.
  const started = hypervisor.restore(stateOf(identity));
  const used = started
    .catch(() => undefined)
    .then(() => host.exec(['rm', '-f', '--', stateOf(identity)], { check: false }));
  try {
    await started;
    signal.throwIfAborted();
    await applyIdentity(host, identity, id, signal);
  } finally {
    await used;
  }
};
