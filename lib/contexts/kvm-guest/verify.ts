import { Kvm4nfvError } from '../../error.js';
import { readFacts, type HostFacts } from '../../host/facts.js';
import type { Host } from '../../host/host.js';
import type { DomainSpec } from '../../libvirt/domain/spec.js';
import { verifyDomain, type Verification } from '../../libvirt/verify.js';

/** Names of libvirt's CPU features that Linux calls otherwise in /proc/cpuinfo. */
const linuxNames: Readonly<Record<string, string>> = {
  'tsc-deadline': 'tsc_deadline_timer',
  invtsc: 'nonstop_tsc',
  'sse4.1': 'sse4_1',
  'sse4.2': 'sse4_2',
};

const compareFlags = ({ cpu }: DomainSpec, flags: ReadonlySet<string>): Verification[] =>
  Object.entries(cpu.features).flatMap(([feature, policy]) => {
    const shown = flags.has(linuxNames[feature] ?? feature.replaceAll('-', '_'));
    if (policy === 'optional') return [];
    const wanted = policy === 'require' || policy === 'force';
    const text = (there: boolean): string => (there ? 'there' : 'not there');
    return [{ what: `CPU flag ${feature}`, requested: text(wanted), effective: text(shown), ok: wanted === shown }];
  });

const flagsOf = (cpuinfo: string): ReadonlySet<string> =>
  new Set(/^(?:flags|Features)\s*:(.*)$/m.exec(cpuinfo)?.[1]?.trim().split(/\s+/) ?? []);

/** What the guest itself shows of what it was given. */
export const compareGuest = (
  spec: DomainSpec,
  { topology, kernel, clocksource }: HostFacts,
  flags: ReadonlySet<string>,
): Verification[] => {
  const vcpus = String(spec.cpu.vcpus);
  const online = String(topology.online.length);
  const shown = new Set(kernel.cmdline.split(/\s+/));
  const wanted = (spec.boot?.cmdline ?? '').split(/\s+/).filter((word) => word !== '');
  const missing = wanted.filter((word) => !shown.has(word));
  const source = wanted.findLast((word) => word.startsWith('clocksource='))?.slice('clocksource='.length);
  return [
    { what: 'CPUs in the guest', requested: vcpus, effective: online, ok: vcpus === online },
    ...(spec.boot === undefined
      ? []
      : [
          {
            what: 'kernel command line',
            requested: wanted.join(' '),
            effective: missing.length === 0 ? wanted.join(' ') : `without ${missing.join(' ')}`,
            ok: missing.length === 0,
          },
        ]),
    ...(source === undefined
      ? []
      : [
          {
            what: 'clock source',
            requested: source,
            effective: clocksource?.current ?? 'unknown',
            ok: source === clocksource?.current,
          },
        ]),
    ...compareFlags(spec, flags),
  ];
};

/** Reads back on the host and in the guest what was asked for; what is different is an `environment` error that lists it. */
export const verifyGuest = async (
  host: Host,
  uri: string,
  spec: DomainSpec,
  guest: Host,
  signal: AbortSignal,
): Promise<readonly Verification[]> => {
  const asksForFlags = Object.keys(spec.cpu.features).length > 0;
  const [onHost, facts, cpuinfo] = await Promise.all([
    verifyDomain(host, uri, spec, { signal }),
    readFacts(guest, { signal }),
    asksForFlags ? guest.read('/proc/cpuinfo') : '',
  ]);
  const all = [...onHost, ...compareGuest(spec, facts, flagsOf(cpuinfo))];
  const wrong = all.filter(({ ok }) => !ok);
  if (wrong.length === 0) return all;
  const list = wrong.map(({ what, requested, effective }) => `${what}: ${requested} asked for, ${effective} in effect`);
  throw new Kvm4nfvError(
    'E_GUEST_DIFFERS',
    `guest ${spec.owner.context} is not as it was asked for: ${list.join('; ')}`,
    {
      hint: 'see what the host allows (cgroup cpusets, RT group scheduling, huge pages, limits of locked memory)',
    },
  );
};
