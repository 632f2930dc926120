import * as z from 'zod';
import { parseDuration } from '../measure/fields.js';

const names = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'expected letters, digits, dots, dashes and underscores');

/** How a host of the suite is reached. Without `address` it is this machine. What is left out comes from ssh_config. */
export const hostSchema = z.strictObject({
  address: z
    .string()
    .min(1)
    .meta({ description: 'Name, address or ssh_config alias. Left out: this machine.' })
    .optional(),
  port: z.int().min(1).max(65535).meta({ description: 'SSH port. Default: from ssh_config, else 22.' }).optional(),
  user: z.string().min(1).meta({ description: 'Default: from ssh_config, else the user who runs kvm4nfv.' }).optional(),
  identity: z
    .string()
    .min(1)
    .meta({
      description:
        'Private key file; `~` is the home directory. An encrypted one takes its passphrase from KVM4NFV_PASSPHRASE.',
    })
    .optional(),
  agent: z.boolean().meta({ description: 'Use the SSH agent. Default: true where one runs.' }).optional(),
  jump: names.meta({ description: 'Another host of the suite to go through.' }).optional(),
  known_hosts: z
    .string()
    .min(1)
    .meta({ description: 'File of host keys. Default: from ssh_config, else ~/.ssh/known_hosts.' })
    .optional(),
  host_key: z
    .enum(['strict', 'accept-new'])
    .meta({
      description:
        '`strict`: a host whose key is not known is refused. `accept-new`: its key is added at the first connection. A changed key is always refused. Default: StrictHostKeyChecking of ssh_config where that is `accept-new` or `no`, else `strict`.',
    })
    .optional(),
  // Stays the text that it is: what a run stores of its hosts is read by this schema again.
  connect_timeout: z
    .string()
    .refine((text) => (parseDuration(text) ?? 0) > 0, 'expected a duration with its unit, such as 60s')
    .meta({
      description:
        'Until the connection stands; a login shell may take as long to begin a command, and a minute at least. Default: ConnectTimeout of ssh_config, else 20 s.',
    })
    .optional(),
  transport: z
    .enum(['auto', 'ssh2', 'openssh'])
    .meta({
      description:
        '`ssh2`: a library of our own process. `openssh`: the `ssh` of this machine, one connection that is shared. `auto` (the default): `ssh2`, and `openssh` for what that can not do: certificates, security keys, KnownHostsCommand, algorithms after quantum computers.',
    })
    .optional(),
});
export type HostSpec = z.output<typeof hostSchema>;

/** The same as a suite says it: with `${env:NAME}` where a value is from the environment, and `$${` for a plain `${`. */
export type WrittenHost = Readonly<Record<string, unknown>>;
