import { durationRunner } from '../runners/duration.js';
import { iteration } from '../runners/iteration.js';
import { sweep } from '../runners/sweep.js';
import { timer } from '../scenarios/timer/index.js';
import { bareMetal } from './contexts/bare-metal.js';
import { kvmGuest } from './contexts/kvm-guest/index.js';
import { sriovVf } from './contexts/sriov-vf/index.js';
import { Registry } from './run/registry.js';

/** A registry with everything that the package brings; plug-ins are added to it. */
export const builtins = (): Registry =>
  new Registry([timer, iteration, durationRunner, sweep, bareMetal, kvmGuest, sriovVf]);
