import type { Check } from '../seen.js';
import { spelling } from './cmdline.js';
import { cpuSets } from './cpu-sets.js';
import { idle } from './idle.js';
import { interrupts, irqbalance } from './interrupts.js';
import { debugKernel, hardwareTracer, mitigations, realtimeKernel, softLockups, splitLocks } from './kernel.js';
import { memoryOnlyNodes, mergedPages, numaLocality, sleepingLinks, swap } from './memory.js';
import { clocksource, deadlineTimer, hybridCores, invariantTsc, siblings, trustedTsc } from './processor.js';
import { systemManagement } from './system-management.js';
import { missingTools } from './tools.js';
import { cacheControl, guest, iommu, kvm } from './virtualisation.js';

/** What is looked at beyond the knobs. */
export const checks: readonly Check[] = [
  realtimeKernel,
  debugKernel,
  kvm,
  iommu,
  cpuSets,
  spelling,
  idle,
  interrupts,
  irqbalance,
  invariantTsc,
  clocksource,
  trustedTsc,
  deadlineTimer,
  hybridCores,
  siblings,
  mitigations,
  splitLocks,
  softLockups,
  swap,
  numaLocality,
  memoryOnlyNodes,
  mergedPages,
  sleepingLinks,
  systemManagement,
  hardwareTracer,
  missingTools,
  guest,
  cacheControl,
];
