import { formatCpuList } from '../../host/cpu-list.js';
import { element, type XmlElement } from '../xml/element.js';
import type { DomainSpec } from './spec.js';
import type { ClockSpec, TuneSpec } from './spec-compute.js';

const onOff = (on: boolean): string => (on ? 'on' : 'off');
const kibibytes = (name: string, size: number): XmlElement => element(name, { unit: 'KiB' }, size / 1024);

export const memoryElements = ({ memory }: DomainSpec): readonly XmlElement[] => {
  const { size, hugepages, locked, sharePages, shared, source, allocation, numa } = memory;
  const backing = [
    hugepages !== undefined && element('hugepages', {}, element('page', { size: hugepages / 1024, unit: 'KiB' })),
    !sharePages && element('nosharepages'),
    locked && element('locked'),
    // vhost-user needs memory that another process can map: without hugepages that is a memfd.
    (source !== undefined || (shared && hugepages === undefined)) && element('source', { type: source ?? 'memfd' }),
    shared && element('access', { mode: 'shared' }),
    allocation !== undefined && element('allocation', { mode: allocation === 'immediate' ? 'immediate' : 'ondemand' }),
  ];
  return [
    kibibytes('memory', size),
    kibibytes('currentMemory', size),
    element('memoryBacking', {}, backing),
    ...(numa === undefined
      ? []
      : [element('numatune', {}, element('memory', { mode: numa.mode, nodeset: formatCpuList(numa.nodes) }))]),
  ];
};

export const cpuElement = ({ accelerator, cpu }: DomainSpec): XmlElement => {
  const mode = cpu.mode ?? (accelerator === 'kvm' ? 'host-passthrough' : 'maximum');
  const cells = cpu.cells.map(({ cpus, memory, distances = {} }, id) =>
    element(
      'cell',
      { id, cpus: formatCpuList(cpus), memory: memory / 1024, unit: 'KiB' },
      Object.keys(distances).length > 0 &&
        element(
          'distances',
          {},
          Object.entries(distances).map(([sibling, value]) => element('sibling', { id: sibling, value })),
        ),
    ),
  );
  return element(
    'cpu',
    { mode, match: mode === 'custom' ? 'exact' : undefined, check: mode === 'custom' ? 'none' : undefined },
    cpu.model !== undefined && element('model', { fallback: 'forbid' }, cpu.model),
    cpu.topology !== undefined && element('topology', cpu.topology),
    cpu.cachePassthrough && element('cache', { mode: 'passthrough' }),
    Object.entries(cpu.features).map(([name, policy]) => element('feature', { policy, name })),
    cells.length > 0 && element('numa', {}, cells),
  );
};

export const featuresElement = ({ accelerator, cpu, ioapic }: DomainSpec): XmlElement => {
  const hints = [
    cpu.hintDedicated && element('hint-dedicated', { state: 'on' }),
    cpu.pollControl && element('poll-control', { state: 'on' }),
  ].filter((hint) => hint !== false);
  return element(
    'features',
    {},
    element('acpi'),
    element('apic'),
    hints.length > 0 && element('kvm', {}, hints),
    // TCG emulates no PMU, and libvirt refuses to be asked for none.
    (accelerator === 'kvm' || cpu.pmu) && element('pmu', { state: onOff(cpu.pmu) }),
    ioapic !== undefined && element('ioapic', { driver: ioapic }),
  );
};

const scheduler = ({ policy, priority }: { readonly policy: string; readonly priority?: number | undefined }) => ({
  scheduler: policy,
  priority,
});

export const tuneElements = ({ cpu: { vcpus }, tune }: DomainSpec): readonly XmlElement[] => {
  const tuned = tuneChildren(tune);
  return [
    element('vcpu', { placement: 'static' }, vcpus),
    ...(tune.iothreads > 0 ? [element('iothreads', {}, tune.iothreads)] : []),
    ...(tuned.length > 0 ? [element('cputune', {}, tuned)] : []),
  ];
};

const tuneChildren = (tune: TuneSpec): readonly XmlElement[] => [
  ...tune.vcpuPins.map(({ id, cpus }) => element('vcpupin', { vcpu: id, cpuset: formatCpuList(cpus) })),
  ...(tune.emulatorPin === undefined ? [] : [element('emulatorpin', { cpuset: formatCpuList(tune.emulatorPin) })]),
  ...tune.iothreadPins.map(({ id, cpus }) => element('iothreadpin', { iothread: id, cpuset: formatCpuList(cpus) })),
  ...tune.vcpuSchedulers.map((one) => element('vcpusched', { vcpus: formatCpuList(one.vcpus), ...scheduler(one) })),
  ...tune.iothreadSchedulers.map((one) =>
    element('iothreadsched', { iothreads: formatCpuList(one.iothreads), ...scheduler(one) }),
  ),
  ...(tune.emulatorScheduler === undefined ? [] : [element('emulatorsched', scheduler(tune.emulatorScheduler))]),
  ...cacheElements(tune),
];

/** Allocations for the same vCPUs stand in one element. */
const cacheElements = ({ cacheAllocations }: TuneSpec): readonly XmlElement[] =>
  [...new Set(cacheAllocations.map(({ vcpus }) => formatCpuList(vcpus)))].map((vcpus) =>
    element(
      'cachetune',
      { vcpus },
      cacheAllocations
        .filter((one) => formatCpuList(one.vcpus) === vcpus)
        .map(({ id, level, type, size }) => element('cache', { id, level, type, size: size / 1024, unit: 'KiB' })),
    ),
  );

const usualTimers = (accelerator: 'kvm' | 'tcg'): NonNullable<ClockSpec['timers']> =>
  accelerator === 'kvm'
    ? [
        { name: 'rtc', tickPolicy: 'catchup' },
        { name: 'pit', tickPolicy: 'delay' },
        { name: 'hpet', present: false },
      ]
    : [{ name: 'hpet', present: false }];

export const clockElement = ({
  accelerator,
  clock: { offset, timers = usualTimers(accelerator) },
}: DomainSpec): XmlElement =>
  element(
    'clock',
    { offset },
    timers.map(({ name, present, tickPolicy, track, mode, frequency }) =>
      element('timer', { name, present, tickpolicy: tickPolicy, track, mode, frequency }),
    ),
  );
