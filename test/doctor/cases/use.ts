import { cmdline, intel, type Case } from './case.js';

export const use: readonly Case[] = [
  // What a machine is for.
  {
    it: 'holds no missing PREEMPT_RT against a host of DPDK',
    machine: 'nfv-host-without-rt-kernel',
    isolated: '2-3',
    profile: 'cpu-partitioning',
    says: [{ check: 'realtime-kernel', severity: 'info' }],
    spares: ['rt-throttling', 'kthread-priorities', 'skew-tick'],
  },
  {
    it: 'holds it against a host of real-time work',
    machine: 'nfv-host-without-rt-kernel',
    isolated: '2-3',
    says: [{ check: 'realtime-kernel', severity: 'critical' }],
  },
  {
    it: 'knows the real-time kernels of RHEL, which spell it with a blank',
    machine: 'rhel7-rt',
    isolated: '2-3',
    spares: ['realtime-kernel'],
  },
  {
    it: 'knows a debug kernel by its name',
    machine: 'debug-kernel',
    isolated: '2-3',
    says: [{ check: 'debug-kernel', severity: 'critical', what: /5\.14\.0-503\.rt\+debug/ }],
  },
  {
    it: 'knows a debug kernel by what it shows, whatever it is called',
    machine: intel,
    isolated: '2-3',
    files: { '/proc/lockdep': '' },
    says: [{ check: 'debug-kernel', what: /PROVE_LOCKING/ }],
  },
  {
    it: 'tells of debugging that was asked for at boot',
    machine: intel,
    isolated: '2-3',
    files: cmdline('slub_debug=FZ debug_pagealloc=on kasan=off'),
    says: [{ check: 'debug-kernel', what: /slub_debug=FZ, debug_pagealloc=on\)/, mend: /Boot without slub_debug=FZ/ }],
  },
  { it: 'takes no other kernel for one', machine: intel, isolated: '2-3', spares: ['debug-kernel'] },
];
