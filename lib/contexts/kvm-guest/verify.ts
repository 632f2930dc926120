import { Kvm4nfvError } from '../../error.js';
import type { HostFacts } from '../../host/facts.js';
import type { Host } from '../../host/host.js';
import type { DomainSpec } from '../../libvirt/domain/spec.js';
import { verifyDomain, type Verification } from '../../libvirt/verify.js';

/** What the guest itself shows of what it was given. */
export const compareGuest = (spec: DomainSpec, { topology, kernel }: HostFacts): Verification[] => {
  const vcpus = String(spec.cpu.vcpus);
  const online = String(topology.online.length);
  const shown = new Set(kernel.cmdline.split(/\s+/));
  const wanted = (spec.boot?.cmdline ?? '').split(/\s+/).filter((word) => word !== '');
  const missing = wanted.filter((word) => !shown.has(word));
  return [
    { what: 'CPUs in the guest', requested: vcpus, effective: online, ok: vcpus === online },
    ...(spec.boot === undefined ? [] : [{ what: 'kernel command line', requested: wanted.join(' '), effective: missing.length === 0 ? wanted.join(' ') : `without ${missing.join(' ')}`, ok: missing.length === 0 }]),
  ];
};

/** Reads back on the host and in the guest what was asked for; what is different is an `environment` error that lists it. */
export const verifyGuest = async (host: Host, uri: string, spec: DomainSpec, guest: HostFacts, signal: AbortSignal): Promise<readonly Verification[]> => {
  const all = [...(await verifyDomain(host, uri, spec, { signal })), ...compareGuest(spec, guest)];
  const wrong = all.filter(({ ok }) => !ok);
  if (wrong.length === 0) return all;
  const list = wrong.map(({ what, requested, effective }) => `${what}: ${requested} asked for, ${effective} in effect`);
  throw new Kvm4nfvError('environment', `guest ${spec.owner.context} is not as it was asked for: ${list.join('; ')}`, {
    hint: 'see what the host allows (cgroup cpusets, RT group scheduling, huge pages, limits of locked memory)',
  });
};
