import * as z from 'zod';
import { mac } from '../../libvirt/domain/fields.js';
import { rate } from '../../measure/fields.js';
import { kvmGuestOptions } from '../kvm-guest/options.js';

const address = /^[\da-f]{4}:[\da-f]{2}:[01][\da-f]\.[0-7]$/i;

const selector = z
  .union([
    z.string().regex(/^(?:[\da-f]{4}:[\da-f]{2}:[01][\da-f]\.[0-7]|driver:[\w-]+|[\w.@-]{1,15})$/i, {
      error: "expected a PF's interface (ens1f0), its PCI address (0000:3b:00.0) or driver:NAME (driver:igb)",
    }),
    z.strictObject({ driver: z.string().regex(/^[\w-]+$/) }),
    z.strictObject({ numa: z.union([z.literal('auto'), z.int().min(0)]) }),
  ])
  .transform((value): PfSelector => {
    if (typeof value !== 'string') return value;
    if (value.startsWith('driver:')) return { driver: value.slice('driver:'.length) };
    return address.test(value) ? { address: value.toLowerCase() } : { name: value };
  });

/** How a PF is named. `numa: auto`: on the guest's node where that is given, else any. */
export type PfSelector =
  | { readonly name: string }
  | { readonly address: string }
  | { readonly driver: string }
  | { readonly numa: 'auto' | number };

const megabits = rate.pipe(
  z
    .number()
    .refine((value) => value % 1e6 === 0, 'a VF takes whole megabits a second')
    .transform((value) => value / 1e6),
);

const vf = z.strictObject({
  mac: mac.toLowerCase().optional().meta({ description: 'Default: the one that the VF has.' }),
  vlan: z.int().min(0).max(4095).optional().meta({ description: 'Tag that the NIC adds and takes off; 0: none.' }),
  qos: z.int().min(0).max(7).optional().meta({ description: 'Priority in the tag.' }),
  trust: z.boolean().optional().meta({ description: 'The VF may change its MAC and become promiscuous.' }),
  spoof_check: z.boolean().optional().meta({ description: 'The NIC drops frames that do not come from the VF’s MAC.' }),
  link_state: z.enum(['auto', 'enable', 'disable']).optional().meta({ description: '`auto`: that of the PF.' }),
  min_rate: megabits.optional().meta({ description: 'Least transmit rate, such as 100Mbit/s.' }),
  max_rate: megabits.optional().meta({ description: 'Greatest transmit rate, such as 1Gbit/s.' }),
  address: z
    .union([z.cidrv4(), z.cidrv6()])
    .optional()
    .meta({ description: 'Address of its interface where it is used: 192.0.2.5/24.' }),
  ping: z
    .union([z.ipv4(), z.ipv6()])
    .optional()
    .meta({ description: 'Somebody who must answer a ping through it, once it has its `address`: 192.0.2.1.' }),
});
export type VfSettings = z.output<typeof vf>;

const vfs = z
  .union([z.int().min(1).max(256), z.array(vf).min(1).max(256)])
  .default(1)
  .transform((value): readonly VfSettings[] =>
    typeof value === 'number' ? Array.from({ length: value }, () => ({})) : value,
  )
  .meta({ description: 'How many VFs, or a list with the settings of each.' });

const create = z.int().min(1).optional().meta({
  description:
    'How many VFs to create where the PF has none, for other contexts of the run as well. Default: those asked for.',
});

const port = z.strictObject({ pf: selector, vfs, create });
export type PortWish = z.output<typeof port>;

const options = z.strictObject({
  pf: selector.optional().meta({ description: 'The NIC port (PF). Default: one that has what is asked for.' }),
  vfs,
  create,
  pfs: z.array(port).min(1).optional().meta({ description: 'Several PFs, instead of `pf`, `vfs` and `create`.' }),
  passthrough: z
    .literal('pf')
    .optional()
    .meta({ description: '`pf`: the whole port instead of a VF. It must not be in use.' }),
  driver: z
    .enum(['vfio-pci', 'kernel'])
    .optional()
    .meta({ description: 'Default: vfio-pci for a guest, kernel on the host.' }),
  attach: z.enum(['interface', 'hostdev']).default('interface').meta({
    description: 'How libvirt is told: `<interface type="hostdev">`, which sets MAC and VLAN too, or `<hostdev>`.',
  }),
  guest: kvmGuestOptions.optional().meta({ description: 'The guest that gets them: options of `kvm-guest`.' }),
  in: z
    .enum(['host', 'namespace'])
    .optional()
    .meta({ description: 'Without a guest: used on the host itself, or in a network namespace made for it.' }),
});

/** Options of an `sriov-vf`. */
export const sriovVfOptions = options.superRefine((chosen, context) => {
  const wrong = (path: keyof typeof chosen, message: string): void => {
    context.addIssue({ code: 'custom', path: [path], message });
  };
  const { guest, in: place, driver, passthrough, pf, pfs } = chosen;
  if (guest !== undefined && place !== undefined) wrong('in', 'is for VFs without a guest');
  if (guest !== undefined && driver === 'kernel') wrong('driver', 'a guest needs vfio-pci');
  if (place === 'namespace' && driver === 'vfio-pci')
    wrong('driver', 'only a kernel driver makes an interface that a namespace can hold');
  if (pf !== undefined && pfs !== undefined) wrong('pfs', 'name the PFs in one place: `pf` or `pfs`');
  const settings = (pfs ?? [chosen]).flatMap((one) => one.vfs);
  const pinging = settings.filter(({ ping }) => ping !== undefined);
  if (pinging.some(({ address: own }) => own === undefined)) wrong('vfs', 'who pings needs an `address`');
  if (pinging.length > 0 && guest === undefined && driverOf(chosen) === 'vfio-pci')
    wrong('vfs', 'without an interface nobody can be pinged: leave the VF its kernel driver, or give it to a guest');
  if (passthrough === undefined) return;
  if (place === 'namespace') wrong('passthrough', 'a PF goes to a guest, or to vfio-pci on the host');
  if (settings.some((one) => Object.keys(one).some((key) => key !== 'address' && key !== 'ping')))
    wrong('passthrough', 'a PF has no settings of a VF: only `address` and `ping` can be given');
});
export type SriovVfOptions = z.output<typeof sriovVfOptions>;

/** Each port that is asked for, however it was written. */
export const portsOf = ({ pf, vfs: wanted, create: made, pfs }: SriovVfOptions): readonly PortWish[] =>
  pfs ?? [{ pf: pf ?? { numa: 'auto' }, vfs: wanted, create: made }];

/** The driver that the devices are bound to. */
export const driverOf = ({
  driver,
  guest,
  passthrough,
}: Pick<SriovVfOptions, 'driver' | 'guest' | 'passthrough'>): 'vfio-pci' | 'kernel' =>
  driver ?? (guest === undefined && passthrough === undefined ? 'kernel' : 'vfio-pci');
