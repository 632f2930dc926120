import { Refusal, type SimulatedHost, type SimulatedWrite } from '../../lib/host/simulated.js';
import type { MachineOptions } from './machine.js';

const root = '/sys/fs/resctrl';
const schemata = '    L3:0=7ff;1=7ff\n    MB:0=100;1=100\n';
const monitored = (node: number): Record<string, string> => ({
  [`mon_data/mon_L3_0${String(node)}/llc_occupancy`]: '14598144\n',
  [`mon_data/mon_L3_0${String(node)}/mbm_local_bytes`]: '9123840\n',
  [`mon_data/mon_L3_0${String(node)}/mbm_total_bytes`]: '10380288\n',
});
const group: Readonly<Record<string, string>> = {
  cpus: '00\n',
  cpus_list: '\n',
  mode: 'shareable\n',
  schemata,
  size: '    L3:0=20185088;1=20185088\n    MB:0=100;1=100\n',
  tasks: '',
  ...monitored(0),
  ...monitored(1),
};

/** What a Xeon of two sockets with CAT, MBA and CMT (11 ways, of which 2 at least) shows in its file system. */
const mountedTree: Readonly<Record<string, string>> = {
  ...Object.fromEntries(Object.entries(group).map(([name, content]) => [`${root}/${name}`, content])),
  [`${root}/cpus`]: 'ff\n',
  [`${root}/cpus_list`]: '0-7\n',
  [`${root}/info/L3/bit_usage`]: '0=SSSSSSSSSSS;1=SSSSSSSSSSS\n',
  [`${root}/info/L3/cbm_mask`]: '7ff\n',
  [`${root}/info/L3/min_cbm_bits`]: '2\n',
  [`${root}/info/L3/num_closids`]: '16\n',
  [`${root}/info/L3/shareable_bits`]: '600\n',
  [`${root}/info/L3_MON/max_threshold_occupancy`]: '90112\n',
  [`${root}/info/L3_MON/mon_features`]: 'llc_occupancy\nmbm_total_bytes\nmbm_local_bytes\n',
  [`${root}/info/L3_MON/num_rmids`]: '176\n',
  [`${root}/info/MB/bandwidth_gran`]: '10\n',
  [`${root}/info/MB/delay_linear`]: '1\n',
  [`${root}/info/MB/min_bandwidth`]: '10\n',
  [`${root}/info/MB/num_closids`]: '8\n',
  [`${root}/info/last_cmd_status`]: 'ok\n',
};

/** The kernel's check of a capacity mask: within the whole, contiguous, and not too short. */
const checkMask = (text: string): void => {
  const mask = Number.parseInt(text, 16);
  if (mask === 0 || mask > 0x7ff || !/^1{2,}0*$/.test(mask.toString(2))) throw new Refusal();
};

/** Lines of some resources are put over those that show. */
const schemataOf =
  (path: string): SimulatedWrite =>
  (text, { files }) => {
    const resource = (line: string): string => line.split(':')[0]?.trim() ?? '';
    const lines = new Map(
      (files.get(path) ?? '')
        .trim()
        .split('\n')
        .map((line) => [resource(line), line.trim()]),
    );
    for (const line of text.trim().split('\n')) {
      if (!lines.has(resource(line))) throw new Refusal();
      if (resource(line) === 'L3') for (const [, mask = ''] of line.matchAll(/=([0-9a-f]+)/g)) checkMask(mask);
      lines.set(resource(line), line.trim());
    }
    files.set(path, `${[...lines.values()].map((line) => `    ${line}`).join('\n')}\n`);
  };

/** A server with resctrl, mounted by `mount` and not before. */
export const resctrlServer = (host: () => SimulatedHost): MachineOptions => {
  let mounted = false;
  return {
    directories: { [`${root}/kvm4nfv`]: group },
    writes: Object.fromEntries(
      [`${root}/schemata`, `${root}/kvm4nfv/schemata`].map((path) => [path, schemataOf(path)]),
    ),
    commands: {
      findmnt: () => (mounted ? 'resctrl\n' : { exitCode: 1 }),
      mount: () => {
        mounted = true;
        for (const [path, content] of Object.entries(mountedTree)) host().files.set(path, content);
        return '';
      },
      umount: () => {
        mounted = false;
        for (const path of Object.keys(mountedTree)) host().files.delete(path);
        return '';
      },
    },
  };
};

const cpufreq = '/sys/devices/system/cpu/cpufreq';
const policy = (id: number): Record<string, string> => ({
  affected_cpus: `${String(id)}\n`,
  base_frequency: '2600000\n',
  cpuinfo_max_freq: '3900000\n',
  cpuinfo_min_freq: '1000000\n',
  cpuinfo_transition_latency: '0\n',
  energy_performance_available_preferences: 'default performance balance_performance balance_power power \n',
  energy_performance_preference: 'balance_performance\n',
  related_cpus: `${String(id)}\n`,
  scaling_available_governors: 'performance powersave\n',
  scaling_cur_freq: '1000129\n',
  scaling_driver: 'intel_pstate\n',
  scaling_governor: 'powersave\n',
  scaling_max_freq: '3900000\n',
  scaling_min_freq: '1000000\n',
  scaling_setspeed: '<unsupported>\n',
});

/** With hardware-managed P-states the performance governor forces the preference, and takes no other until it is gone. */
const hwp = (id: number): Record<string, SimulatedWrite> => {
  const at = (name: string): string => `${cpufreq}/policy${String(id)}/${name}`;
  let saved = '';
  return {
    [at('scaling_governor')]: (text, { files }) => {
      const wanted = text.trim();
      if (!['performance', 'powersave'].includes(wanted)) throw new Refusal();
      const old = files.get(at('scaling_governor'))?.trim();
      if (wanted === 'performance' && old !== wanted) {
        saved = files.get(at('energy_performance_preference')) ?? '';
        files.set(at('energy_performance_preference'), 'performance\n');
      } else if (wanted === 'powersave' && old !== wanted) files.set(at('energy_performance_preference'), saved);
      files.set(at('scaling_governor'), `${wanted}\n`);
    },
    [at('energy_performance_preference')]: (text, { files }) => {
      if (files.get(at('scaling_governor'))?.trim() === 'performance' && text.trim() !== 'performance')
        throw new Refusal('Device or resource busy');
      files.set(at('energy_performance_preference'), `${text.trim()}\n`);
    },
  };
};

/** Percent of the highest P-state, as intel_pstate keeps them within each other and the lowest there is. */
const percent =
  (name: 'max_perf_pct' | 'min_perf_pct'): SimulatedWrite =>
  (text, { files }) => {
    const path = `/sys/devices/system/cpu/intel_pstate/${name}`;
    if (!/^\d+\s*$/.test(text)) throw new Refusal();
    const most = Number(files.get('/sys/devices/system/cpu/intel_pstate/max_perf_pct') ?? 100);
    const bounded = name === 'min_perf_pct' ? Math.min(most, Math.max(25, Number(text))) : Math.min(100, Number(text));
    files.set(path, `${String(bounded)}\n`);
  };

/** A server whose frequencies intel_pstate manages in active mode, with HWP. */
export const intelPstateServer = (): MachineOptions => {
  const policies = Array.from({ length: 8 }, (_, id) => id);
  return {
    files: {
      '/sys/devices/system/cpu/intel_pstate/hwp_dynamic_boost': '0\n',
      '/sys/devices/system/cpu/intel_pstate/max_perf_pct': '100\n',
      '/sys/devices/system/cpu/intel_pstate/min_perf_pct': '25\n',
      '/sys/devices/system/cpu/intel_pstate/no_turbo': '0\n',
      '/sys/devices/system/cpu/intel_pstate/num_pstates': '30\n',
      '/sys/devices/system/cpu/intel_pstate/status': 'active\n',
      '/sys/devices/system/cpu/intel_pstate/turbo_pct': '44\n',
      ...Object.fromEntries(
        policies.flatMap((id) =>
          Object.entries(policy(id)).map(([name, content]) => [`${cpufreq}/policy${String(id)}/${name}`, content]),
        ),
      ),
    },
    writes: {
      '/sys/devices/system/cpu/intel_pstate/min_perf_pct': percent('min_perf_pct'),
      '/sys/devices/system/cpu/intel_pstate/max_perf_pct': percent('max_perf_pct'),
      ...(Object.assign({}, ...policies.map(hwp)) as Record<string, SimulatedWrite>),
    },
  };
};
