import * as z from 'zod';
import { defineKnob, type Item } from '../../knob.js';
import { files, matching } from '../../reading.js';
import { sysctlPath, value } from '../common.js';

const thp = '/sys/kernel/mm/transparent_hugepage';
const number = z.int().min(0);

export const statInterval = defineKnob({
  name: 'stat-interval',
  group: 'operating-system',
  summary: 'Seconds between updates of the per-CPU memory statistics.',
  why: 'Every interval a work item runs on each CPU that has counted something.',
  costs: 'A kworker of some microseconds once a second.',
  source: 'Documentation/admin-guide/sysctl/vm.rst (stat_interval)',
  mend: 'sysctl vm.stat_interval=10',
  value: z.int().min(1),
  reads: () => files(sysctlPath('vm.stat_interval')),
  items: ({ value: seconds }) => [value(sysctlPath('vm.stat_interval'), 'number', seconds)],
});

export const transparentHugepages = defineKnob({
  name: 'transparent-hugepages',
  group: 'operating-system',
  summary: 'Transparent huge pages.',
  why: 'khugepaged copies and remaps memory behind the back of the program, and a fault may wait for compaction.',
  costs: 'Page faults and TLB shoot-downs of tens to hundreds of microseconds.',
  source: 'Documentation/admin-guide/mm/transhuge.rst',
  mend: 'Write never to /sys/kernel/mm/transparent_hugepage/enabled, or boot with transparent_hugepage=never.',
  value: z.enum(['never', 'madvise', 'always']),
  reads: () => files(`${thp}/enabled`, `${thp}/hugepages-*/enabled`),
  items: ({ value: wanted }, now) => [
    value(
      `${thp}/enabled`,
      'choice',
      wanted,
      wanted === 'never' ? { needless: 'this kernel has no transparent huge pages' } : {},
    ),
    // Since 6.8 a size of its own mind is used whatever stands for all.
    ...matching(now, /\/transparent_hugepage\/hugepages-(\d+)kB\/enabled$/).map(
      ({ path, groups: [size = ''] }): Item => ({
        kind: 'value',
        path,
        aspect: 'choice',
        want: 'inherit',
        accept: (shown) => shown === 'never' || shown === wanted,
        label: `${size} KiB pages`,
      }),
    ),
  ],
});

export const ksm = defineKnob({
  name: 'ksm',
  group: 'operating-system',
  summary: 'Kernel samepage merging: 0 stopped, 2 stopped and everything unmerged.',
  why: 'Merged pages are copied at the first write: a fault in the middle of guest code; ksmd itself takes CPU time and cache.',
  costs: 'Several microseconds for each first write to a merged page.',
  source: 'Documentation/admin-guide/mm/ksm.rst',
  mend: 'Write 2 to /sys/kernel/mm/ksm/run; mask ksmtuned.',
  value: z.union([z.literal(0), z.literal(2)]),
  reads: () => files('/sys/kernel/mm/ksm/run'),
  items: ({ value: wanted }) => [
    value('/sys/kernel/mm/ksm/run', 'number', wanted, { needless: 'this kernel merges no pages' }),
  ],
});

export const numaBalancing = defineKnob({
  name: 'numa-balancing',
  group: 'operating-system',
  summary: 'Automatic NUMA balancing.',
  why: 'It unmaps pages to see who touches them, and moves them: faults in code that never faulted.',
  costs: 'Page faults of microseconds, a TLB shoot-down interrupt on every CPU of the process.',
  source: 'Documentation/admin-guide/sysctl/kernel.rst (numa_balancing)',
  mend: 'sysctl kernel.numa_balancing=0',
  value: z.literal(0),
  reads: () => files(sysctlPath('kernel.numa_balancing')),
  items: () => [
    value(sysctlPath('kernel.numa_balancing'), 'number', 0, { needless: 'this kernel balances nothing between nodes' }),
  ],
});

export const swappiness = defineKnob({
  name: 'swappiness',
  group: 'operating-system',
  summary: 'How eagerly anonymous memory is swapped out.',
  why: 'Memory that is not locked can be swapped; it then comes back from a disk.',
  costs: 'Milliseconds for each page.',
  source: 'Documentation/admin-guide/sysctl/vm.rst (swappiness)',
  mend: 'sysctl vm.swappiness=10, or no swap at all',
  value: number.max(200),
  reads: () => files(sysctlPath('vm.swappiness')),
  items: ({ value: wanted }) => [value(sysctlPath('vm.swappiness'), 'number', wanted)],
});

export const dirtyLimits = defineKnob({
  name: 'dirty-limits',
  group: 'operating-system',
  summary: 'Percent of memory that may be dirty before writers write themselves, and before writeback starts.',
  why: 'Small, early writeback disturbs less than a storm of it.',
  costs: 'Bursts of disk interrupts and writeback work.',
  source: 'Documentation/admin-guide/sysctl/vm.rst (dirty_ratio, dirty_background_ratio)',
  mend: 'sysctl vm.dirty_ratio=10 vm.dirty_background_ratio=3',
  value: z.strictObject({ ratio: z.int().min(1).max(100), background: z.int().min(0).max(100) }),
  reads: () => files(sysctlPath('vm.dirty_ratio'), sysctlPath('vm.dirty_background_ratio')),
  items: ({ value: { ratio, background } }) => [
    value(sysctlPath('vm.dirty_background_ratio'), 'number', background),
    value(sysctlPath('vm.dirty_ratio'), 'number', ratio),
  ],
});

export const compaction = defineKnob({
  name: 'compaction',
  group: 'operating-system',
  summary: 'Proactive memory compaction.',
  why: 'kcompactd moves pages in the background, with the TLB shoot-downs that this takes.',
  costs: 'An interrupt on every CPU that uses the page: several microseconds.',
  source: 'Documentation/admin-guide/sysctl/vm.rst (compaction_proactiveness)',
  mend: 'sysctl vm.compaction_proactiveness=0',
  value: number.max(100),
  reads: () => files(sysctlPath('vm.compaction_proactiveness')),
  items: ({ value: wanted }) => [
    value(
      sysctlPath('vm.compaction_proactiveness'),
      'number',
      wanted,
      wanted === 0 ? { needless: 'this kernel compacts nothing ahead of need' } : {},
    ),
  ],
});

export const hungTasks = defineKnob({
  name: 'hung-task-timeout',
  group: 'operating-system',
  summary: 'Seconds after which a task that waits uninterruptibly is reported; 0 never.',
  why: 'khungtaskd walks all tasks each time.',
  costs: 'A walk of the task list on a housekeeping CPU.',
  source: 'Documentation/admin-guide/sysctl/kernel.rst (hung_task_timeout_secs)',
  mend: 'sysctl kernel.hung_task_timeout_secs=600',
  value: number,
  reads: () => files(sysctlPath('kernel.hung_task_timeout_secs')),
  items: ({ value: seconds }) => [
    value(sysctlPath('kernel.hung_task_timeout_secs'), 'number', seconds, {
      needless: 'this kernel looks for no hung tasks',
    }),
  ],
});
