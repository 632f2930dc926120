import type { Change } from '../../tuning/journal.js';
import type { Place } from '../../tuning/knob.js';
import type { PciDevice, Pf, Vf } from './inventory.js';
import type { VfState } from './ip-link.js';
import type { VfSettings } from './options.js';
import {
  bindScript,
  createScript,
  driverScript,
  linkScript,
  linkSetScript,
  moveBackScript,
  moveScript,
  namespaceScript,
  removeScript,
  upScript,
  vfFieldScript,
  vfHasMacScript,
  vfMacScript,
  vfSetScript,
  whereScript,
} from './scripts.js';
import type { LabelledChange } from './store.js';

const sysfs = (address: string, name: string): string => `/sys/bus/pci/devices/${address}/${name}`;
const run = (script: string, ...values: readonly string[]): readonly string[] => [
  'sh',
  '-c',
  script,
  'kvm4nfv-device',
  ...values,
];
const printed = (script: string, ...values: readonly string[]): Place => ({
  kind: 'command',
  argv: run(script, ...values),
});

interface Act {
  readonly label: string;
  readonly place: Place;
  readonly aspect?: Extract<Change, { kind: 'action' }>['aspect'];
  readonly before: string;
  readonly after: string;
  readonly argv: readonly string[];
  readonly undo: readonly string[];
}

const act = ({ label, place, aspect = 'text', before, after, argv, undo }: Act): LabelledChange => ({
  label,
  change: { kind: 'action', place, aspect, before, after, argv, undo },
  action: { kind: 'run', argv },
});

/**
 * VFs where there are none, without any driver taking hold of them. Put back by a script that refuses as long as somebody uses
 * one.
 */
export const createVfs = ({ address, autoprobe }: Pf, count: number): LabelledChange[] => {
  const made = act({
    label: `VFs of ${address}`,
    place: { kind: 'file', path: sysfs(address, 'sriov_numvfs') },
    aspect: 'number',
    before: '0',
    after: String(count),
    argv: run(createScript, address, String(count)),
    undo: run(removeScript, address),
  });
  if (autoprobe !== '1') return [made];
  const path = sysfs(address, 'sriov_drivers_autoprobe');
  const label = `automatic drivers of the VFs of ${address}`;
  return [
    {
      label,
      change: { kind: 'value', path, aspect: 'number', before: '1', after: '0' },
      action: { kind: 'write', path, text: '0\n' },
    },
    made,
    { label, action: { kind: 'write', path, text: '1\n' } },
  ];
};

const state = ({ link }: PciDevice): string =>
  link === undefined ? 'absent' : `${link.up ? 'up' : 'down'} ${String(link.mtu ?? '')}`.trim();

/** A PF that is down, up: its VFs carry nothing else, and libvirt refuses to set them up. */
export const raisePf = (pf: Pf): LabelledChange | undefined => {
  const { link, address } = pf;
  if (link === undefined || link.up) return undefined;
  const mtu = String(link.mtu ?? '');
  return act({
    label: `${link.name} up`,
    place: printed(linkScript, address),
    before: state(pf),
    after: `up ${mtu}`,
    argv: run(linkSetScript, address, 'up', '', ''),
    undo: run(linkSetScript, address, 'down', mtu, ''),
  });
};

const onOff = (value: boolean): string => (value ? 'on' : 'off');

interface Setting {
  readonly field: string;
  readonly before: string;
  readonly after: string;
  readonly words: readonly string[];
  readonly undo: readonly string[];
}

const tagged = (vlan: number, qos: number): readonly string[] => ['vlan', String(vlan), 'qos', String(qos)];

/** What differs from what is wanted, in the words of `ip link set dev PF vf N`. */
const settingsOf = (now: VfState, want: VfSettings): Setting[] => {
  const found: Setting[] = [];
  const add = (
    field: string,
    before: string,
    after: string | undefined,
    words: (value: string) => readonly string[],
    undo = words(before),
  ): void => {
    if (after !== undefined && after !== before) found.push({ field, before, after, words: words(after), undo });
  };
  add('mac', now.mac ?? '', want.mac, (value) => ['mac', value]);
  const [vlan, qos] = [want.vlan ?? now.vlan, want.qos ?? (want.vlan === undefined ? now.qos : 0)];
  // One command sets both, and libvirt sets the tag alone: so each has its own place, and both are put back with it.
  add('vlan', String(now.vlan), String(vlan), () => tagged(vlan, qos), tagged(now.vlan, now.qos));
  add('qos', String(now.qos), String(qos), () => tagged(vlan, qos), tagged(now.vlan, now.qos));
  add('trust', onOff(now.trust ?? false), want.trust === undefined ? undefined : onOff(want.trust), (value) => [
    'trust',
    value,
  ]);
  add(
    'spoofchk',
    onOff(now.spoofCheck ?? false),
    want.spoof_check === undefined ? undefined : onOff(want.spoof_check),
    (value) => ['spoofchk', value],
  );
  add('state', now.linkState ?? 'auto', want.link_state, (value) => ['state', value]);
  add('max', String(now.maxRate), want.max_rate?.toFixed(0), (value) => ['max_tx_rate', value]);
  add('min', String(now.minRate), want.min_rate?.toFixed(0), (value) => ['min_tx_rate', value]);
  return found;
};

const neverSet = '00:00:00:00:00:00';

/** The settings of a VF that its PF holds. `fresh`: this run made the VF, and it goes with them. */
export const setVf = (vf: Vf, want: VfSettings, fresh: boolean): LabelledChange[] => {
  const { state: now, pf, index } = vf;
  if (now === undefined) return [];
  return settingsOf(now, want).map(({ field, before, after, words, undo }): LabelledChange => {
    const number = String(index);
    const argv = run(vfSetScript, pf, number, ...words);
    const label = `${field} of VF ${number} of ${pf}`;
    if (field === 'mac') {
      const back = run(vfMacScript, pf, number, before, vf.address);
      if (before !== neverSet)
        return act({ label, place: printed(vfFieldScript, pf, number, field), before, after, argv, undo: back });
      // Not every driver takes that back: then it is told that it stays, unless the VF goes with it. Others take a new one.
      if (fresh) return { label, action: { kind: 'run', argv } };
      const place = printed(vfHasMacScript, pf, number, after);
      return act({ label, place, before: 'other', after: 'ours', argv, undo: back });
    }
    const back = run(vfSetScript, pf, number, ...undo);
    return act({ label, place: printed(vfFieldScript, pf, number, field), before, after, argv, undo: back });
  });
};

/** As `driverScript` prints it. */
const kindOf = (driver: string | undefined): string =>
  driver === undefined ? 'none' : /^vfio|uio/.test(driver) ? driver : 'kernel';

const driverPlace = (address: string): Place => printed(driverScript, address);
const backToDriver = ({ address, driver = '', driverOverride = '' }: PciDevice): readonly string[] =>
  run(bindScript, address, driver, driverOverride);

/** What becomes of the interface that a device has now, when it changes drivers. */
const linkBecomes = (device: PciDevice, after: string): LabelledChange[] => {
  const { address, link } = device;
  if (link === undefined) return [];
  const undo = run(linkSetScript, address, link.up ? 'up' : 'down', String(link.mtu ?? ''), '');
  const place = printed(linkScript, address);
  return [
    {
      label: `interface of ${address}`,
      change: { kind: 'action', place, aspect: 'text', before: state(device), after, argv: ['true'], undo },
    },
  ];
};

/** Takes a device from its driver, so that it has none: an interface takes a new MAC when it is made anew. */
export const release = (device: PciDevice): LabelledChange[] => {
  const { address, driver, driverOverride = '' } = device;
  if (driver === undefined) return [];
  return [
    ...linkBecomes(device, 'absent'),
    act({
      label: `driver of ${address}`,
      place: driverPlace(address),
      before: kindOf(driver),
      after: 'none',
      argv: run(bindScript, address, '', driverOverride),
      undo: backToDriver(device),
    }),
  ];
};

/** Binds a device that has no driver, or was released, to one. `device` is as it was before. */
export const bind = (device: PciDevice, driver: 'vfio-pci' | 'kernel'): LabelledChange[] => {
  const { address, driver: before, driverOverride = '' } = device;
  const shown = (override: string): string => (override === '' ? '(null)' : override);
  const override = driver === 'kernel' ? '' : driver;
  const place: Place = { kind: 'file', path: sysfs(address, 'driver_override') };
  const undo = backToDriver(device);
  return [
    ...(override === driverOverride
      ? []
      : [
          {
            label: `driver_override of ${address}`,
            change: {
              kind: 'action',
              place,
              aspect: 'text',
              before: shown(driverOverride),
              after: shown(override),
              argv: ['true'],
              undo,
            },
          } as const,
        ]),
    act({
      label: `driver of ${address}`,
      place: driverPlace(address),
      before: kindOf(before),
      after: driver,
      argv: run(bindScript, address, driver, override),
      undo,
    }),
  ];
};

/** A network namespace for VFs. */
export const makeNamespace = (name: string): LabelledChange =>
  act({
    label: `network namespace ${name}`,
    place: printed(namespaceScript, name),
    before: 'absent',
    after: 'present',
    argv: ['ip', 'netns', 'add', name],
    undo: ['ip', 'netns', 'delete', name],
  });

/** The interface of a device into a namespace, up. */
export const moveInto = ({ address }: PciDevice, namespace: string, ip: string | undefined): LabelledChange =>
  act({
    label: `interface of ${address} in ${namespace}`,
    place: printed(whereScript, address, namespace),
    before: 'outside',
    after: 'inside',
    argv: run(moveScript, address, namespace, ip ?? ''),
    undo: run(moveBackScript, address, namespace),
  });

/** The interface of a device up on the host itself; put back, it is down and without addresses, as a free one is. */
export const raise = (device: PciDevice, ip: string | undefined): LabelledChange[] => {
  const { address, link } = device;
  return [
    ...linkBecomes(device, `up ${String(link?.mtu ?? '')}`.trim()),
    act({
      label: `interface of ${address} up`,
      place: printed(upScript, address),
      before: 'not-up',
      after: 'up',
      argv: run(linkSetScript, address, 'up', '', ip ?? ''),
      undo: run(linkSetScript, address, 'down', '', ''),
    }),
  ];
};

/** Everything for one VF, in its order. `fresh`: this run made it. */
export const prepareVf = (
  vf: Vf,
  want: VfSettings,
  driver: 'vfio-pci' | 'kernel',
  fresh: boolean,
): LabelledChange[] => {
  const renewed = want.mac !== undefined && want.mac !== vf.state?.mac;
  const rebound = vf.driver === undefined || driver === 'vfio-pci' || renewed;
  return [...(rebound ? release(vf) : []), ...setVf(vf, want, fresh), ...(rebound ? bind(vf, driver) : [])];
};
