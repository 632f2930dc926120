import { durationRunner } from '../runners/duration.js';
import { iteration } from '../runners/iteration.js';
import { sweep } from '../runners/sweep.js';
import { hardwareLatency } from '../scenarios/hardware-latency/index.js';
import { timer } from '../scenarios/timer/index.js';
import { bareMetal } from './contexts/bare-metal.js';
import { Registry } from './run/registry.js';

/** A registry with everything that the package brings; plug-ins are added to it. */
export const builtins = (): Registry =>
  new Registry([
    timer,
    hardwareLatency,
    iteration,
    durationRunner,
    sweep,
    bareMetal,
    // Their options take longer to make than all of a small suite takes to check.
    {
      kind: 'context',
      type: 'kvm-guest',
      load: async () => (await import('./contexts/kvm-guest/index.js')).kvmGuest,
    },
    { kind: 'context', type: 'sriov-vf', load: async () => (await import('./contexts/sriov-vf/index.js')).sriovVf },
  ]);
