import type { Inventory, Pf, Vf } from './inventory.js';
import type { Refusal } from './choose.js';
import type { Chosen } from './prepare.js';

interface Check {
  readonly what: string;
  readonly requested: string;
  readonly effective: string;
}

const shown = (value: string | number | boolean | undefined): string =>
  value === undefined ? 'not shown' : String(value);

const settingChecks = ({ device, want }: Chosen): Check[] => {
  if (!('state' in device)) return [];
  const { state, index } = device;
  const pairs = [
    ['MAC', want.mac, state?.mac],
    ['VLAN', want.vlan, state?.vlan],
    ['QoS', want.qos, state?.qos],
    ['trust', want.trust, state?.trust],
    ['spoof check', want.spoof_check, state?.spoofCheck],
    ['link state', want.link_state, state?.linkState],
    ['least rate', want.min_rate, state?.minRate],
    ['greatest rate', want.max_rate, state?.maxRate],
  ] as const;
  return pairs.flatMap(([name, requested, effective]) =>
    requested === undefined
      ? []
      : [
          {
            what: `${name} of VF ${String(index)} (${device.address})`,
            requested: shown(requested),
            effective: shown(effective),
          },
        ],
  );
};

const driverCheck = (inventory: Inventory, { device }: Chosen, driver: 'vfio-pci' | 'kernel'): Check => {
  const now = inventory.devices.get(device.address)?.driver;
  const kind = now === undefined ? 'none' : now.startsWith('vfio') || now.includes('uio') ? now : 'kernel';
  return { what: `driver of ${device.address}`, requested: driver, effective: kind };
};

/** The chosen devices as they are now. */
export const refresh = ({ nics }: Inventory, chosen: readonly Chosen[]): Chosen[] => {
  const all = new Map<string, Pf | Vf>(nics.flatMap((pf) => [pf, ...pf.vfs]).map((device) => [device.address, device]));
  return chosen.map((one) => ({ ...one, device: all.get(one.device.address) ?? one.device }));
};

/** What of the devices is not as it was asked for. Pure. */
export const ineffective = (
  inventory: Inventory,
  chosen: readonly Chosen[],
  driver: 'vfio-pci' | 'kernel',
): Refusal[] =>
  refresh(inventory, chosen)
    .flatMap((one) => [driverCheck(inventory, one, driver), ...settingChecks(one)])
    .filter(({ requested, effective }) => requested !== effective)
    .map(({ what, requested, effective }) => ({
      message: `${what}: ${requested} asked for, ${effective} in effect`,
      hint: 'The driver of the PF does not do it, or something else on the host changed it (NetworkManager, an SR-IOV operator).',
    }));
