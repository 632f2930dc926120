import * as z from 'zod';
import { defineKnob } from '../knob.js';
import { files } from '../reading.js';
import { value } from './common.js';

const threshold = '/sys/fs/selinux/avc/cache_threshold';

export const accessVectorCache = defineKnob({
  name: 'selinux-avc-threshold',
  group: 'operating-system',
  summary: "Entries of SELinux's cache of decisions before it drops old ones.",
  why: 'A host with many containers and guests has more kinds of access than the 512 that fit, and each one that was dropped is computed anew.',
  costs: 'Up to tens of microseconds for a system call whose decision is not in the cache.',
  source: 'security/selinux/avc.c; OpenShift sets 8192',
  mend: 'Write 8192 to /sys/fs/selinux/avc/cache_threshold.',
  value: z.int().min(0),
  reads: () => files(threshold),
  items: ({ value: entries }, now) => (now.files.has(threshold) ? [value(threshold, 'number', entries)] : []),
});
