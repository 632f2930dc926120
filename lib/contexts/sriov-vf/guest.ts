import { Kvm4nfvError } from '../../error.js';
import type { Host } from '../../host/host.js';
import type { GuestDevices } from '../kvm-guest/domain.js';
import type { SriovVfOptions } from './options.js';
import type { Chosen } from './prepare.js';
import { guestUpScript } from './scripts.js';

/** The MAC that the interface of a device has where it is used. */
export const macOf = ({ device, want }: Chosen): string | undefined => want.mac ?? device.link?.mac;

/**
 * What libvirt is to give the guest. Not managed by libvirt: the devices are bound to vfio-pci by then, journalled. An
 * `<interface>` has MAC and VLAN set by libvirt too, to what they are already; left out, it would take the VLAN away.
 */
export const guestDevices = (
  chosen: readonly Chosen[],
  { attach, passthrough }: Pick<SriovVfOptions, 'attach' | 'passthrough'>,
): GuestDevices => {
  if (attach === 'hostdev' || passthrough !== undefined)
    return { interfaces: [], hostdevs: chosen.map(({ device: { address } }) => ({ address, managed: false })) };
  return {
    hostdevs: [],
    interfaces: chosen.map((one) => {
      const vlan = one.want.vlan ?? ('state' in one.device ? (one.device.state?.vlan ?? 0) : 0);
      const mac = macOf(one);
      return {
        type: 'hostdev',
        address: one.device.address,
        managed: false,
        ...(mac === undefined ? {} : { mac }),
        ...(vlan === 0 ? {} : { vlan }),
      };
    }),
  };
};

/** Brings the interfaces of the devices up inside the guest; gives their names there. */
export const raiseInGuest = async (guest: Host, chosen: readonly Chosen[], signal: AbortSignal): Promise<string[]> => {
  const found: string[] = [];
  for (const one of chosen) {
    const { device, want } = one;
    const argv = ['sh', '-c', guestUpScript, 'sh', macOf(one) ?? '', want.address ?? ''];
    const { exitCode, stdout, stderr } = await guest.exec(argv, { root: true, check: false, signal, timeout: 60_000 });
    if (exitCode !== 0)
      throw new Kvm4nfvError(
        'E_VF_SEEN',
        `guest ${guest.name}: ${exitCode === 4 ? `it has no interface for ${device.address} (PCI id ${device.id})` : `the interface of ${device.address} can't be brought up: ${stderr.trim()}`}`,
        {
          hint: 'Its kernel needs the driver of the VF: the cloud kernel has few; image debian-12-generic has those of Debian.',
        },
      );
    found.push(stdout.trim());
  }
  return found;
};
