import type { Readiness } from '../../../lib/doctor/examine.js';
import type { Severity } from '../../../lib/doctor/finding.js';
import type { SimulatedCommand } from '../../../lib/host/simulated.js';

export interface Told {
  readonly check: string;
  readonly severity?: Severity;
  readonly what?: RegExp;
  readonly mend?: RegExp;
}

export interface Case {
  readonly it: string;
  readonly machine: string;
  readonly isolated?: string;
  readonly profile?: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly without?: readonly string[];
  readonly commands?: Readonly<Record<string, SimulatedCommand>>;
  readonly says?: readonly Told[];
  /** Checks of which it says nothing that costs anything. */
  readonly spares?: readonly string[];
  readonly checklist?: Readonly<Record<string, string>>;
  readonly also?: (readiness: Readiness) => void;
}

export const cpuinfo = (flags: string, vendor = 'GenuineIntel'): string =>
  `processor\t: 0\nvendor_id\t: ${vendor}\nflags\t\t: fpu nx vmx constant_tsc nonstop_tsc tsc_deadline_timer ${flags}\n`;
export const release = (id: string, like: string): Record<string, string> => ({
  '/etc/os-release': `ID="${id}"\nID_LIKE="${like}"\nPRETTY_NAME="A distribution"\n`,
  '/etc/default/grub': '',
});
export const cmdline = (text: string): Record<string, string> => ({
  '/proc/cmdline': `BOOT_IMAGE=/vmlinuz ro ${text}\n`,
});
export const plain = {
  '/proc/version': 'Linux version 6.12.8 (gcc) #1 SMP PREEMPT_DYNAMIC\n',
  '/sys/kernel/realtime': '',
};
export const swaps = (line: string): Record<string, string> => ({
  '/proc/swaps': `Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n${line}\n`,
});
export const arm = 'arm64-altra-bare';
export const intel = 'base-intel-2s';
