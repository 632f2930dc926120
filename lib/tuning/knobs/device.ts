import * as z from 'zod';
import { defineKnob, type Item } from '../knob.js';
import { link } from '../reading.js';
import { lacking } from './common.js';

const address = z
  .string()
  .regex(/^[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/, 'expected a PCI address, such as 0000:3b:02.1');
const driver = z.string().regex(/^[A-Za-z0-9_-]+$/);
const base = '/sys/bus/pci/devices';

/** Unbinds, then lets the driver named (or, for `none`, no driver) take the device. An override that was there stays, such as driverctl's. */
const bindScript = `
device=$1; driver=$2; base=${base}/$device
[ "$driver" = none ] || modprobe "$driver" 2>/dev/null
[ ! -e "$base/driver" ] || echo "$device" > "$base/driver/unbind" || exit 1
[ "$driver" != none ] || exit 0
override=$(cat "$base/driver_override"); [ "$override" != "(null)" ] || override=
echo "$driver" > "$base/driver_override" && echo "$device" > /sys/bus/pci/drivers_probe; bound=$?
echo "$override" > "$base/driver_override"
[ "$bound" = 0 ] && [ -e "$base/driver" ]`;
const bind = (device: string, to: string): string[] => ['sh', '-c', bindScript, 'kvm4nfv-bind', device, to];

export const deviceDriver = defineKnob({
  name: 'device-driver',
  group: 'operating-system',
  summary: 'Driver of a PCI device: vfio-pci for one that a guest or DPDK is to have.',
  why: "An assigned device reaches its guest without a copy and without the host's network stack.",
  costs: "The host's whole packet path: tens of microseconds for each packet.",
  source: 'Documentation/driver-api/vfio.rst; Documentation/ABI/testing/sysfs-bus-pci (driver_override)',
  mend: 'driverctl set-override <address> vfio-pci',
  value: z.record(address, driver),
  reads: (wanted) =>
    Object.keys(wanted).flatMap((device) => [
      link(`${base}/${device}/driver`),
      { kind: 'names', glob: `${base}/${device}` } as const,
    ]),
  items: ({ value: wanted }, now) =>
    Object.entries(wanted).map(([device, to]): Item =>
      now.names.has(`${base}/${device}`)
        ? {
            kind: 'action',
            label: device,
            place: { kind: 'link', path: `${base}/${device}/driver` },
            aspect: 'basename',
            want: to,
            argv: bind(device, to),
            undo: (before) => bind(device, before),
          }
        : lacking(device, `there is no PCI device ${device}`, 'differs'),
    ),
});
