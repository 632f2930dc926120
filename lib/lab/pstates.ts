import { integer, ioRegister, named, packageOf, scope, secondaryTable } from './aml.js';

/** A performance state: core frequency in MHz, power in mW. */
export interface PState {
  readonly frequency: number;
  readonly power: number;
}

export const defaultPStates: readonly PState[] = [
  { frequency: 2400, power: 20_000 },
  { frequency: 1800, power: 14_000 },
  { frequency: 1200, power: 9000 },
];

/** The port of power-on self test codes: QEMU swallows what is written there. */
const controlPort = 0x80;
const latency = 10;

/** Objects of a processor: _PCT names the registers, _PSS the states, _PPC the fastest allowed. */
const processor = (cpu: number, states: readonly PState[]): Uint8Array => {
  const state = ({ frequency, power }: PState, index: number): Uint8Array =>
    packageOf(...[frequency, power, latency, latency, index, index].map(integer));
  return scope(
    ['_SB_', 'CPUS', `C${cpu.toString(16).toUpperCase().padStart(3, '0')}`],
    named('_PCT', packageOf(ioRegister(controlPort), ioRegister(controlPort))),
    named('_PSS', packageOf(...states.map(state))),
    named('_PPC', integer(0)),
  );
};

/**
 * An ACPI table that gives each CPU of QEMU's q35 machine P-states, for `-acpitable file=`. The driver `acpi_cpufreq` takes
 * them; their change has no effect but what sysfs tells.
 */
export const pstateTable = (cpus: number, states: readonly PState[] = defaultPStates): Uint8Array =>
  secondaryTable('PSTATES', ...Array.from({ length: cpus }, (_, cpu) => processor(cpu, states)));
