import type { Host } from '../../host/host.js';
import { isNoDomain } from '../error.js';
import type { Hypervisor } from '../hypervisor.js';
import { optional } from '../optional.js';
import { ownershipOf } from '../ownership.js';
import type { DomainState, DomainSummary } from '../types.js';
import { virshHypervisor } from '../virsh/virsh.js';
import { parseXml } from '../xml/document.js';
import { BindingConnection } from './connection.js';
import type { Binding, NativeDomain } from './native.js';

const starting = 300_000;
const [inactiveFlag, migratableFlag] = [2, 8];
const states: readonly DomainState[] = [
  'nostate',
  'running',
  'blocked',
  'paused',
  'shutdown',
  'shutoff',
  'crashed',
  'pmsuspended',
];

const summaryOf = async (domain: NativeDomain): Promise<DomainSummary> => ({
  name: await domain.getName(),
  uuid: await domain.getUUIDString(),
  ...optional('id', (await domain.getID().catch(() => null)) ?? undefined),
});

/** A domain may go between the listing and the question. */
const unlessGone = <T>(answer: Promise<T>): Promise<T | undefined> =>
  answer.catch((error: unknown) => {
    if (error instanceof Error && error.message.startsWith('Domain not found')) return undefined;
    throw error;
  });

const isPresent = <T>(value: T | undefined): value is T => value !== undefined;

/**
 * {@link Hypervisor} by the libvirt binding: one connection that stays open, no process per call. What the binding lacks
 * (starting paused, checking against the schema, pinning, addresses, monitor, jobs, migration, capabilities, node devices,
 * networks, events, versions) goes to virsh. `test:` URIs keep their state in the process: there virsh sees another world.
 */
export const bindingHypervisor = (
  binding: Binding,
  host: Host,
  uri: string,
  options: { readonly root?: boolean } = {},
): Hypervisor => {
  const virsh = virshHypervisor(host, uri, options);
  const connection = new BindingConnection(binding, uri, host.name);
  const simple =
    (verb: 'destroy' | 'suspend' | 'resume' | 'undefine') =>
    (domain: string, call: object = {}): Promise<void> =>
      connection.domain(domain, { ...call, action: `${verb} domain ${domain}` }, (found) => found[verb]());
  return {
    ...virsh,
    implementation: 'binding',
    create: async (xml, call = {}) => {
      if (call.paused === true || call.validate !== false) return virsh.create(xml, call);
      await connection.run({ timeout: starting, ...call, action: 'create domain', xml }, (open) =>
        open.domainCreateXML(xml),
      );
    },
    define: async (xml, call = {}) => {
      if (call.validate !== false) return virsh.define(xml, call);
      await connection.run({ timeout: starting, ...call, action: 'define domain', xml }, (open) =>
        open.domainDefineXML(xml),
      );
    },
    start: async (domain, call = {}) => {
      if (call.paused === true) return virsh.start(domain, call);
      await connection.domain(domain, { timeout: starting, ...call, action: `start domain ${domain}` }, (found) =>
        found.create(),
      );
    },
    undefine: simple('undefine'),
    destroy: simple('destroy'),
    suspend: simple('suspend'),
    resume: simple('resume'),
    shutdown: async (domain, call = {}) => {
      if (call.mode !== undefined) return virsh.shutdown(domain, call);
      await connection.domain(domain, { ...call, action: `shut down domain ${domain}` }, (found) => found.shutdown());
    },
    save: (domain, path, call = {}) =>
      connection.domain(domain, { timeout: starting, ...call, action: `save domain ${domain} to ${path}` }, (found) =>
        found.save(path),
      ),
    restore: async (path, call = {}) => {
      if (call.paused === true || call.xml !== undefined) return virsh.restore(path, call);
      await connection.run({ timeout: starting, ...call, action: `restore ${path}` }, (open) =>
        open.domainRestore(path),
      );
    },
    list: (call = {}) =>
      connection.run({ ...call, action: 'list domains', again: true }, async (open) => {
        const domains = await open.connectListAllDomains();
        return (await Promise.all(domains.map((domain) => unlessGone(summaryOf(domain))))).filter(isPresent);
      }),
    ours: (run, call = {}) =>
      connection.run({ ...call, action: 'read the owners of domains', again: true }, async (open) => {
        const domains = await open.connectListAllDomains();
        const owned = await Promise.all(
          domains.map(async (domain) => {
            const xml = await unlessGone(domain.getXMLDesc());
            const owner = xml === undefined ? undefined : ownershipOf(parseXml(xml, 'domain XML'));
            if (owner === undefined || (run !== undefined && owner.run !== run)) return undefined;
            const summary = await unlessGone(summaryOf(domain));
            return summary === undefined ? undefined : { ...summary, ...owner };
          }),
        );
        return owned.filter(isPresent);
      }),
    lookup: async (domain, call = {}) => {
      try {
        return await connection.domain(domain, { ...call, action: `look up domain ${domain}`, again: true }, summaryOf);
      } catch (error) {
        if (isNoDomain(error)) return undefined;
        throw error;
      }
    },
    xml: (domain, { inactive = false, migratable = false, ...call } = {}) =>
      connection.domain(domain, { ...call, action: `read the XML of domain ${domain}`, again: true }, (found) =>
        found.getXMLDesc((inactive ? inactiveFlag : 0) | (migratable ? migratableFlag : 0)),
      ),
    info: (domain, call = {}) =>
      connection.domain(domain, { ...call, action: `ask after domain ${domain}`, again: true }, async (found) => {
        const { state, maxMem, memory, nrVirtCpu, cpuTime } = await found.getInfo();
        return {
          state: states[state] ?? 'nostate',
          maxMemory: maxMem * 1024,
          memory: memory * 1024,
          vcpus: nrVirtCpu,
          cpuTime,
        };
      }),
    [Symbol.asyncDispose]: async () => {
      await connection[Symbol.asyncDispose]();
      await virsh[Symbol.asyncDispose]();
    },
  };
};
