import { parameterName, parameterValue, splitCmdline } from '../../tuning/cmdline.js';
import { findingOf, microseconds, type Finding } from '../finding.js';
import type { Check } from '../seen.js';

/** Parameters of tuning, as the kernel spells them (`-` and `_` are the same to it). */
const known = [
  'isolcpus', 'nohz_full', 'rcu_nocbs', 'rcu_nocb_poll', 'irqaffinity', 'kthread_cpus', 'intel_iommu', 'amd_iommu',
  'hugepages', 'hugepagesz', 'default_hugepagesz', 'intel_pstate', 'amd_pstate', 'processor.max_cstate',
  'intel_idle.max_cstate', 'pcie_aspm', 'clocksource', 'nosoftlockup', 'nowatchdog', 'nmi_watchdog', 'skew_tick',
  'threadirqs', 'mitigations', 'transparent_hugepage', 'rcupdate.rcu_normal_after_boot', 'rcupdate.rcu_expedited',
  'rcutree.kthread_prio', 'rcutree.nohz_full_patience_delay', 'split_lock_detect', 'cpuidle.off', 'numa_balancing',
  'kvm_intel.ple_gap', 'kvm.nx_huge_pages', 'kvm.kvmclock_periodic_sync', 'systemd.cpu_affinity', 'default_affinity',
  'preempt', 'iommu.passthrough', 'iommu.strict', 'cpufreq.default_governor', 'cpufreq.off',
] as const; // prettier-ignore

/** Spellings too far off, or too short, to be told by their distance. */
const misspelt: Readonly<Record<string, string>> = {
  pcie_asmp: 'pcie_aspm',
  nohzfull: 'nohz_full',
  intel_idle_max_cstate: 'intel_idle.max_cstate',
  processor_max_cstate: 'processor.max_cstate',
  max_cstate: 'processor.max_cstate',
  no_hz_full: 'nohz_full',
  iso_cpus: 'isolcpus',
  mitigation: 'mitigations',
};

/** Steps (a letter put in, left out, changed, or two changed places) from one word to the other. */
const distance = (a: string, b: string): number => {
  const rows = [Array.from({ length: b.length + 1 }, (_, index) => index)];
  for (let i = 1; i <= a.length; i++) {
    const [above = [], before] = [rows[i - 1], rows[i - 2]];
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      const swapped = before !== undefined && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row.push(
        Math.min(
          (above[j] ?? 0) + 1,
          (row[j - 1] ?? 0) + 1,
          (above[j - 1] ?? 0) + (same ? 0 : 1),
          swapped ? (before[j - 2] ?? 0) + 1 : Infinity,
        ),
      );
    }
    rows.push(row);
  }
  return rows.at(-1)?.at(-1) ?? 0;
};

/** Real parameters that look like a slip of another. */
const real = new Set([
  'hugetlb_cma',
  'nowatchdog_thresh',
  'preempt',
  'nmi_watchdog',
  'intel_iommu',
  'amd_iommu',
  'watchdog_thresh',
]);

const meant = (name: string): string | undefined => {
  if (Object.hasOwn(misspelt, name)) return misspelt[name];
  if (name.length < 6 || real.has(name) || known.some((word) => word === name)) return undefined;
  return known.find((word) => Math.abs(word.length - name.length) < 2 && distance(name, word) === 1);
};

/** What a parameter may say, where any other value is passed over in silence. */
const values: Readonly<Record<string, RegExp>> = {
  idle: /^(?:poll|halt|nomwait)$/,
  nohz: /^(?:on|off|0|1|y|n|yes|no)$/i,
  tsc: /^(?:reliable|unstable|noirqtime|nowatchdog|recalibrate|watchdog)$/,
  pcie_aspm: /^(?:off|force)$/,
  amd_pstate: /^(?:disable|passive|active|guided)$/,
  intel_pstate: /^(?:disable|passive|active|force|no_hwp|hwp_only|support_acpi_ppc|per_cpu_perf_limits|no_cas)(?:,|$)/,
  transparent_hugepage: /^(?:always|madvise|never)$/,
  mitigations: /^(?:auto|off)(?:[,;]\S*)?$/,
};

const wrongValue = (token: string): string | undefined => {
  const name = parameterName(token);
  const value = parameterValue(token);
  if (name === 'nosmt' && value !== undefined && value !== 'force')
    return `${token} switches SMT off: whatever is behind nosmt= but force is not looked at`;
  const allowed = Object.hasOwn(values, name) ? values[name] : undefined;
  return allowed === undefined || value === undefined || allowed.test(value)
    ? undefined
    : `the kernel passes over ${token}: it knows no such value`;
};

const wrong = (token: string): { what: string; mend: string } | undefined => {
  const name = parameterName(token);
  const right = meant(name);
  if (right !== undefined) {
    const value = parameterValue(token);
    return {
      what: `the kernel command line has ${token}, which does nothing`,
      mend: `Write ${right}${value === undefined ? '' : `=${value}`}.`,
    };
  }
  const said = wrongValue(token);
  return said === undefined
    ? undefined
    : { what: said, mend: `Write what was meant in the place of ${token}, or leave it out.` };
};

/** What is on the command line and does not do what whoever wrote it thought. */
export const spelling: Check = {
  reads: [],
  look: ({ machine: { cmdline } }) => {
    const tokens = splitCmdline(cmdline);
    const end = tokens.indexOf('--');
    const findings = (end < 0 ? tokens : tokens.slice(0, end)).flatMap((token): Finding[] => {
      const found = wrong(token);
      return found === undefined
        ? []
        : [
            findingOf({
              check: 'cmdline-spelling',
              ...found,
              costs: 'Those of what was meant.',
              cost: microseconds(1, 300, 'estimated; that of the parameters that are most often meant'),
            }),
          ];
    });
    return { findings };
  },
};
