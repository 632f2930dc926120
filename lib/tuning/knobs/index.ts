import type { KnobDefinition } from '../knob.js';
import * as boot from './boot.js';
import * as clock from './cpu/clock.js';
import * as frequency from './cpu/frequency.js';
import * as idle from './cpu/idle.js';
import * as limits from './cpu/limits.js';
import { pStateDriver } from './cpu/p-state-driver.js';
import { deviceDriver } from './device.js';
import * as pages from './memory/hugepages.js';
import { irqAffinity } from './interrupts/affinity.js';
import { irqbalance } from './interrupts/irqbalance.js';
import { staticKeys } from './interrupts/static-keys.js';
import * as isolation from './isolation.js';
import { irqThreads, kthreadPriorities } from './scheduler/kthreads.js';
import * as kvm from './kvm.js';
import * as memory from './memory/settings.js';
import { receiveSteeringDefault } from './network/defaults.js';
import * as network from './network/devices.js';
import { cacheAllocation } from './resctrl.js';
import { fairServer } from './scheduler/fair-server.js';
import { rcuPatience } from './scheduler/rcu.js';
import * as scheduler from './scheduler/settings.js';
import * as tasks from './scheduler/tasks.js';
import { accessVectorCache } from './security.js';
import { services, stalld } from './services.js';
import { smt } from './cpu/smt.js';

/** The built-in knobs, in the order in which they are applied. */
export const builtinKnobs: readonly KnobDefinition[] = [
  irqbalance,
  services,
  stalld,
  smt,
  idle.idleStates,
  idle.wakeUpLatency,
  idle.idleLoop,
  frequency.governor,
  frequency.turbo,
  frequency.energyBias,
  frequency.minimumPerformance,
  limits.maximumFrequency,
  limits.uncoreFrequency,
  pStateDriver,
  frequency.platformProfile,
  boot.iommu,
  boot.pcieLinks,
  boot.machineChecks,
  clock.clocksource,
  clock.tsc,
  isolation.isolcpus,
  isolation.nohzFull,
  isolation.rcuCallbacks,
  isolation.bootIrqAffinity,
  isolation.cpusetPartition,
  tasks.systemdAffinity,
  tasks.taskAffinity,
  irqAffinity,
  scheduler.workqueues,
  kthreadPriorities,
  scheduler.rtThrottling,
  fairServer,
  scheduler.watchdogs,
  scheduler.timerMigration,
  scheduler.schedulerSettings,
  scheduler.autogroup,
  memory.statInterval,
  memory.transparentHugepages,
  memory.ksm,
  memory.numaBalancing,
  memory.swappiness,
  memory.dirtyLimits,
  memory.compaction,
  memory.hungTasks,
  boot.splitLocks,
  pages.hugepages,
  pages.hugepagesAtBoot,
  pages.hugetlbfs,
  pages.lockedMemory,
  boot.mitigations,
  boot.skewTick,
  boot.noSoftLockup,
  boot.audit,
  accessVectorCache,
  boot.rcuBoost,
  boot.rcuNormal,
  rcuPatience,
  deviceDriver,
  cacheAllocation,
  kvm.haltPolling,
  kvm.kvmParameters,
  kvm.preemptionTimer,
  boot.threadedInterrupts,
  irqThreads,
  network.networkQueues,
  network.coalescing,
  network.ringSizes,
  network.networkOffloads,
  network.receiveSteering,
  receiveSteeringDefault,
  network.transmitSteering,
  network.busyPolling,
  staticKeys,
];

/** Knobs by name. Two of one name are a fault of the program. */
export const knobsByName = (knobs: readonly KnobDefinition[] = builtinKnobs): ReadonlyMap<string, KnobDefinition> => {
  const named = new Map(knobs.map((knob) => [knob.name, knob]));
  if (named.size !== knobs.length) throw new Error('two knobs have one name');
  return named;
};
