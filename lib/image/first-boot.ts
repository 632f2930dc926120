import { randomBytes } from 'node:crypto';
import * as z from 'zod';
import { Kvm4nfvError } from '../error.js';
import type { Host } from '../host/host.js';
import { problemsOf } from '../schema-problems.js';
import { writePrivate } from './bytes.js';
import type { GuestKeys } from './keys.js';
import { tar } from './tar.js';

/** Serial number that the guest finds the first-boot disk by: give it to the virtio disk. */
export const firstBootSerial = 'kvm4nfv-data';
/** Name of the virtio-serial port that takes `restore` lines. */
export const controlPort = 'kvm4nfv.control';
/** Bytes of the disk: one read takes it whole. */
const diskSize = 64 * 1024;

const mac = z.string().regex(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/, 'expected a MAC address in lower case');
const gateway = z.union([z.ipv4(), z.ipv6()]);

export const guestNetworkSchema = z.strictObject({
  /** By which the guest finds the interface. */
  mac,
  /** Name that the interface gets. */
  name: z.string().regex(/^[a-z][a-z0-9]{0,14}$/, 'expected a short name for an interface'),
  /** Address with prefix length, or `dhcp`. */
  address: z.union([z.literal('dhcp'), z.cidrv4(), z.cidrv6()]),
  gateway: gateway.optional(),
});

/** One interface of a guest and how it is set up. */
export type GuestNetwork = z.output<typeof guestNetworkSchema>;

/** What makes a guest of an image the guest of a run. */
export interface FirstBootData {
  /** Names this data: the guest answers `applied <id>` once it is in force. */
  readonly id: string;
  readonly hostname: string;
  readonly keys: GuestKeys;
  readonly networks: readonly GuestNetwork[];
  readonly nameservers?: readonly string[];
  /** 32 hexadecimal digits. Default: random. */
  readonly machineId?: string;
}

const lines = (values: readonly string[]): string => values.map((value) => `${value}\n`).join('');

/** Throws a usage error that shows the value where it does not fit. */
const check = <T>(schema: z.ZodType<T>, value: unknown, what: string): T => {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new Kvm4nfvError('E_IMAGE', `${what} ${JSON.stringify(value)}: ${problemsOf(parsed.error)}`);
};

const idSchema = z.string().regex(/^[A-Za-z0-9._:-]{1,128}$/, 'expected letters, digits, `.`, `_`, `:` and `-`');
const hostnameSchema = z.string().regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i, 'expected a host name without dots');
const machineIdSchema = z.string().regex(/^[0-9a-f]{32}$/, 'expected 32 hexadecimal digits');

/** First-boot data in which every value is fit for a line of a file that the guest reads. Throws a usage error. */
export const checkFirstBoot = (data: FirstBootData) => ({
  id: check(idSchema, data.id, 'id of first-boot data'),
  hostname: check(hostnameSchema, data.hostname, 'host name'),
  machineId: check(machineIdSchema, data.machineId ?? randomBytes(16).toString('hex'), 'machine id'),
  networks: data.networks.map((network) => check(guestNetworkSchema, network, 'guest network')),
  nameservers: (data.nameservers ?? []).map((server) => check(gateway, server, 'name server')),
});

/**
 * The content of the first-boot disk: a tar archive of small files that the guest reads line by line (`id`, `hostname`,
 * `machine-id`, `authorized_keys`, `ssh_host_ed25519_key`, `network`, `resolv.conf`, `entropy`), padded to 64 KiB.
 * The entropy seed is new at every call, so no two disks are the same.
 */
export const firstBootContent = (data: FirstBootData): Buffer => {
  const { id, hostname, machineId, networks, nameservers } = checkFirstBoot(data);
  const secret = (path: string, text: string) => ({ path, mode: 0o600, content: { text } });
  const plain = (path: string, text: string) => ({ path, mode: 0o644, content: { text } });
  const archive = tar([
    plain('id', lines([id])),
    plain('hostname', lines([hostname])),
    plain('machine-id', lines([machineId])),
    plain('authorized_keys', lines([data.keys.client.publicKey])),
    secret('ssh_host_ed25519_key', data.keys.host.privateKey),
    plain('network', lines(networks.map((n) => `${n.mac} ${n.name} ${n.address} ${n.gateway ?? '-'}`))),
    plain('resolv.conf', lines(nameservers.map((server) => `nameserver ${server}`))),
    secret('entropy', lines([randomBytes(64).toString('hex')])),
  ]);
  if (archive.length > diskSize)
    throw new Kvm4nfvError('E_IMAGE', `First-boot data of ${String(archive.length)} bytes: at most 64 KiB`);
  return Buffer.concat([archive, Buffer.alloc(diskSize - archive.length)]);
};

/**
 * Writes the first-boot disk of a guest to `path` on the host, readable by its owner only: a raw image to attach as a read-only
 * virtio-blk disk with the serial {@link firstBootSerial}.
 *
 * A disk, and not strings of the firmware: it needs no driver that the guest does not have anyway, its secrets are in no
 * domain XML or process list, and when a guest is restored from a saved state another file can stand in its place. Our
 * initrd applies it before PID 1, so host name, machine id, keys and network are there when the first unit starts; after
 * a restore {@link restoreLine} on the port {@link controlPort} (or `/usr/lib/kvm4nfv/apply restore` as root) applies
 * the new one; it flushes the page cache of the disk first.
 */
export const firstBootDisk = async (host: Host, data: FirstBootData, path: string): Promise<void> => {
  await writePrivate(host, path, firstBootContent(data));
};

/**
 * What to write to the control port right after a restore: the guest sets its clock to that time (of `now`, by default this
 * machine's), takes over the first-boot disk that it finds, reseeds its random numbers, lets sshd use the new
 * host key, and answers `applied <id>` or `failed <why>` on one line.
 */
export const restoreLine = (now: number = Date.now()): string => `restore ${(now / 1000).toFixed(3)}\n`;
