/**
 * For authors' tests of their own scenarios, contexts and knobs, as `kvm4nfv/testing`.
 * @module
 */
export { SimulatedHost } from './host/simulated.js';
