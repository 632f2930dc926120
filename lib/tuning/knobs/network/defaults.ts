import * as z from 'zod';
import { defineKnob } from '../../knob.js';
import { files } from '../../reading.js';
import { maskValue, sysctlPath, withoutIsolated } from '../common.js';

const path = sysctlPath('net.core.rps_default_mask');

export const receiveSteeringDefault = defineKnob({
  name: 'network-rps-default',
  group: 'performance',
  summary:
    'Devices that come later, veth pairs of containers among them, have their packets taken by housekeeping CPUs.',
  why: 'network-rps reaches only the devices that are there. The default is asked whenever a receive queue is made, since Linux 6.3.',
  costs: 'Softirqs of microseconds to hundreds of microseconds on the CPU that a packet is sent from.',
  source: 'Documentation/admin-guide/sysctl/net.rst (rps_default_mask)',
  mend: 'sysctl net.core.rps_default_mask=<housekeeping mask>',
  value: z.literal('housekeeping'),
  reads: () => files(path),
  items: ({ machine }, now) => {
    if (machine.isolated.length === 0) return [withoutIsolated('rps_default_mask')];
    return now.files.has(path) ? [maskValue(path, machine.housekeeping, 'rps_default_mask')] : [];
  },
});
