import * as z from 'zod';
import { Kvm4nfvError } from '../../error.js';

const vfSchema = z.object({
  vf: z.int(),
  address: z.string().optional(),
  mac: z.string().optional(),
  vlan_list: z.array(z.object({ vlan: z.int().optional(), qos: z.int().optional() })).optional(),
  vlan: z.int().optional(),
  qos: z.int().optional(),
  rate: z.object({ max_tx: z.int().optional(), min_tx: z.int().optional() }).optional(),
  tx_rate: z.int().optional(),
  spoofchk: z.boolean().optional(),
  link_state: z.string().optional(),
  trust: z.boolean().optional(),
});

const linkSchema = z.object({
  ifname: z.string(),
  flags: z.array(z.string()).default([]),
  mtu: z.int().optional(),
  address: z.string().optional(),
  master: z.string().optional(),
  parentbus: z.string().optional(),
  parentdev: z.string().optional(),
  link_netnsid: z.int().optional(),
  vfinfo_list: z.array(vfSchema).default([]),
});

const addressSchema = z.object({
  ifname: z.string().optional(),
  addr_info: z
    .array(z.object({ local: z.string().optional(), prefixlen: z.int().optional(), scope: z.string().optional() }))
    .default([]),
});

/** A VF as its PF shows it. Rates in Mbit/s, 0: no limit. Absent: this driver or iproute2 does not tell. */
export interface VfState {
  readonly index: number;
  readonly mac: string | undefined;
  readonly vlan: number;
  readonly qos: number;
  readonly trust: boolean | undefined;
  readonly spoofCheck: boolean | undefined;
  readonly linkState: string | undefined;
  readonly minRate: number;
  readonly maxRate: number;
}

export interface NetworkLink {
  readonly name: string;
  readonly up: boolean;
  /** There is a signal on the line; meaningless while it is down. */
  readonly carrier: boolean;
  readonly mtu: number | undefined;
  readonly mac: string | undefined;
  /** Bridge, bond or the like that it belongs to. */
  readonly master: string | undefined;
  /** PCI address of its device; iproute2 tells since 5.14. */
  readonly device: string | undefined;
  readonly vfs: readonly VfState[];
}

const vfOf = (told: z.output<typeof vfSchema>): VfState => {
  const tag = told.vlan_list?.[0];
  return {
    index: told.vf,
    mac: (told.address ?? told.mac)?.toLowerCase(),
    vlan: tag?.vlan ?? told.vlan ?? 0,
    qos: tag?.qos ?? told.qos ?? 0,
    trust: told.trust,
    spoofCheck: told.spoofchk,
    linkState: told.link_state,
    minRate: told.rate?.min_tx ?? 0,
    maxRate: told.rate?.max_tx ?? told.tx_rate ?? 0,
  };
};

const linkOf = ({
  ifname,
  flags,
  mtu,
  address,
  master,
  parentbus,
  parentdev,
  vfinfo_list,
}: z.output<typeof linkSchema>): NetworkLink => ({
  name: ifname,
  up: flags.includes('UP'),
  carrier: flags.includes('LOWER_UP'),
  mtu,
  mac: address?.toLowerCase(),
  master,
  device: parentbus === 'pci' ? parentdev : undefined,
  vfs: vfinfo_list.map(vfOf),
});

const parse = <T>(schema: z.ZodType<T>, text: string, what: string): T[] => {
  if (text.trim() === '') return [];
  try {
    // Older releases of iproute2 print an empty object for each link that a filter left out.
    const list = z.array(z.unknown()).parse(JSON.parse(text));
    return list.filter((one) => Object.keys(one as object).length > 0).map((one) => schema.parse(one));
  } catch (cause) {
    throw new Kvm4nfvError('E_TOOL_OUTPUT', `not what ${what} prints: ${text.slice(0, 80)}`, { cause });
  }
};

/** Reads `ip -j -d link show`. */
export const parseIpLink = (text: string): NetworkLink[] => parse(linkSchema, text, 'ip -j -d link show').map(linkOf);

/** Reads `ip -j address show`: addresses of each interface, link-local ones left out. */
export const parseIpAddress = (text: string): Map<string, string[]> =>
  new Map(
    parse(addressSchema, text, 'ip -j address show').flatMap(({ ifname, addr_info }): [string, string[]][] => {
      const own = addr_info.filter(({ scope, local }) => scope !== 'link' && local !== undefined);
      return ifname === undefined
        ? []
        : [[ifname, own.map(({ local = '', prefixlen = 0 }) => `${local}/${String(prefixlen)}`)]];
    }),
  );
