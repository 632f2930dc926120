import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

const write = (path: string, text: string): void => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${text}\n`);
};

const cpus = '/sys/devices/system/cpu';

const idleStates = [
  ['POLL', 0],
  ['C1', 1],
  ['C2', 800],
] as const;

const writeCpu = (cpu: number, count: number): void => {
  const own = `${cpus}/cpu${String(cpu)}`;
  const core = cpu % (count / 2);
  write(`${own}/online`, '1');
  write(`${own}/topology/thread_siblings_list`, `${String(core)},${String(core + count / 2)}`);
  write(`${own}/topology/physical_package_id`, core < count / 4 ? '0' : '1');
  write(`${own}/power/pm_qos_resume_latency_us`, '0');
  for (const [state, [name, latency]] of idleStates.entries()) {
    const directory = `${own}/cpuidle/state${String(state)}`;
    write(`${directory}/name`, name);
    write(`${directory}/latency`, String(latency));
    write(`${directory}/disable`, '0');
  }
  const policy = `${cpus}/cpufreq/policy${String(cpu)}`;
  write(`${policy}/scaling_governor`, 'performance');
  write(`${policy}/scaling_driver`, 'amd-pstate-epp');
  write(`${policy}/energy_performance_preference`, 'performance');
};

const writeCpus = (count: number): void => {
  for (const file of ['online', 'possible', 'present']) write(`${cpus}/${file}`, `0-${String(count - 1)}`);
  write(`${cpus}/isolated`, '');
  write(`${cpus}/smt/active`, '1');
  write(`${cpus}/smt/control`, 'on');
  for (let cpu = 0; cpu < count; cpu++) writeCpu(cpu, count);
  const eighth = count / 16;
  for (let node = 0; node < 8; node++)
    write(
      `/sys/devices/system/node/node${String(node)}/cpulist`,
      [node * eighth, count / 2 + node * eighth]
        .map((first) => `${String(first)}-${String(first + eighth - 1)}`)
        .join(','),
    );
};

/** As long as a kernel of that many CPUs writes it: a column of eleven characters for each. */
const tableOf = (count: number, interrupts: number, guests: number): string => {
  const head = Array.from({ length: count }, (_, cpu) => `CPU${String(cpu)}`.padStart(11)).join('');
  const zeros = '0'.padStart(11).repeat(count);
  const rows = Array.from({ length: interrupts }, (_, irq) => {
    const name = irq === guests ? 'vfio-msix[3](0000:41:00.0)' : `mlx5_comp${String(irq)}@pci:0000:3b:00.0`;
    return `${String(irq).padStart(5)}:${zeros}  IR-PCI-MSIX-0000:3b:00.0 ${String(irq)}-edge      ${name}`;
  });
  return `           ${head}\n${rows.join('\n')}\n`;
};

/** Puts a host of 512 CPUs, say, over this machine's /sys and /proc/irq. In a mount namespace of our own with a tmpfs at each. */
export const writeBigHost = (count: number, interrupts: number): void => {
  writeCpus(count);
  for (let irq = 0; irq < interrupts; irq++) {
    write(`/proc/irq/${String(irq)}/smp_affinity_list`, `0-${String(count - 1)}`);
    write(`/proc/irq/${String(irq)}/effective_affinity_list`, String(irq % count));
  }
  write(
    '/proc/irq/default_smp_affinity',
    Array<string>(count / 32)
      .fill('ffffffff')
      .join(','),
  );
  write('/proc/irq/table', tableOf(count, interrupts, Math.floor(interrupts / 2)).trimEnd());
};
