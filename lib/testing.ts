/**
 * For authors' tests of their own scenarios, contexts and knobs, as `kvm4nfv/testing`.
 * @module
 */
export {
  Refusal,
  SimulatedHost,
  type SimulatedCommand,
  type SimulatedHostOptions,
  type SimulatedOutcome,
  type SimulatedWrite,
} from './host/simulated.js';
export { simulateTuning, type SimulatedTuning, type SimulateTuningOptions } from './tuning/simulate.js';
