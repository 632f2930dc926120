/** A figure that was published as a goal, or reached and published. */
export interface Goal {
  readonly what: string;
  readonly figure: string;
  /** As the SLA of a suite says it; absent where no scenario of this version measures it. */
  readonly sla?: readonly string[];
  readonly source: string;
}

const summit = 'OPNFV summit 2016, "Achieving low latency" (KVM4NFV)';
const dashboards = 'KVM4NFV user guide, dashboards of March 2017, runs of an hour';
const migration = 'KVM4NFV user guide, live migration';

/** The performance goals of KVM4NFV's requirements, by area; where it named none, those of others or none. */
export const goals = {
  timer: {
    what: 'Timer latency in a guest',
    figure: '5 us on average, 15 us at most',
    sla: ['mean <= 5us', 'max <= 15us'],
    source: summit,
  },
  stressed: {
    what: 'Timer latency in a guest while the memory of its host is under stress',
    figure: '30 us at most',
    sla: ['max <= 30us'],
    source: dashboards,
  },
  acceptance: {
    what: 'Timer latency for acceptance of a radio access node (not of KVM4NFV)',
    figure: '20 us at most in 12 hours',
    sla: ['max <= 20us', 'duration >= 12h'],
    source: 'OpenShift documentation, latency tests',
  },
  interrupt: {
    what: 'Device interrupt, from the device to the handler in a guest',
    figure: '20 us at most',
    source: summit,
  },
  preemption: {
    what: 'Time for which a vCPU is not running',
    figure: '10 us at most for one; 20 us at most in any millisecond',
    source: summit,
  },
  packet: {
    what: '64 byte frames through a NIC that a guest has to itself',
    figure: '19.6 us on average, 101.8 us at most (before tuning: 289.6 and 373.9 us)',
    source: summit,
  },
  migration: {
    what: 'Live migration of a guest of 8 GiB that forwards packets',
    figure: '2 s in all and 10 ms of downtime at most (reached: 654 ms and 5 ms; idle: 401 ms and 9 ms)',
    source: migration,
  },
  smi: {
    what: 'Time that the hardware takes for itself',
    figure: 'none is published; whatever it takes is missing from the timer goal of 15 us',
    source: 'follows from the timer goal',
  },
  interVm: {
    what: 'Communication between guests',
    figure: 'none is published',
    source: 'KVM4NFV requirements name the area and no figure',
  },
} satisfies Readonly<Record<string, Goal>>;

export type GoalName = keyof typeof goals;
