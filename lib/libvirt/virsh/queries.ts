import type { PinningCalls, Queries } from '../hypervisor.js';
import { formatCpuList } from '../../host/cpu-list.js';
import { isNoDomain } from '../error.js';
import { metadataNamespace, ownerOf } from '../ownership.js';
import { parseStatistics } from '../parse/statistics.js';
import { parseDomainInfo, parseDomainList, parsePinning } from '../parse/tables.js';
import type { CallOptions, DomainSummary } from '../types.js';
import { parseXml } from '../xml/document.js';
import { optional } from '../optional.js';
import { virshQuote, type VirshClient } from './client.js';

/** A domain may go between the listing and the question, and most have no element of ours. */
const notOurs = (text: string): boolean =>
  /^(?:failed to get domain|Domain not found|metadata not found|Unable to find metadata|argument unsupported: unable to find)/i.test(
    text,
  );

export const queries = (client: VirshClient): Queries => {
  const list = async (options: CallOptions = {}): Promise<readonly DomainSummary[]> =>
    parseDomainList(
      await client.run({ ...options, action: 'list domains', args: ['list', '--all', '--uuid', '--id', '--name'] }),
    );
  return {
    list,
    ours: async (run, options = {}) => {
      const domains = await list(options);
      const commands = domains.map(({ uuid }) => `metadata --domain ${uuid} --uri ${metadataNamespace}`);
      const marks = await client.batch({ ...options, action: 'read the owners of domains' }, commands, notOurs);
      return domains.flatMap((domain, index) => {
        const mark = marks[index];
        const owner = mark === undefined ? undefined : ownerOf(parseXml(mark, `metadata of ${domain.name}`));
        return owner === undefined || (run !== undefined && owner.run !== run) ? [] : [{ ...domain, ...owner }];
      });
    },
    lookup: async (domain, options = {}) => {
      const action = `look up domain ${domain}`;
      try {
        const text = await client.run({ ...options, action, args: ['dominfo', '--domain', domain] });
        const field = (name: string): string => new RegExp(`^${name}:\\s+(.*)$`, 'm').exec(text)?.[1]?.trim() ?? '';
        return {
          name: field('Name'),
          uuid: field('UUID'),
          ...optional('id', field('Id') === '-' ? undefined : Number(field('Id'))),
        };
      } catch (error) {
        if (isNoDomain(error)) return undefined;
        throw error;
      }
    },
    xml: (domain, { inactive = false, migratable = false, ...options } = {}) => {
      const flags = [...(inactive ? ['--inactive'] : []), ...(migratable ? ['--migratable'] : [])];
      return client.run({
        ...options,
        action: `read the XML of domain ${domain}`,
        args: ['dumpxml', '--domain', domain, ...flags],
      });
    },
    info: async (domain, options = {}) =>
      parseDomainInfo(
        await client.run({ ...options, action: `ask after domain ${domain}`, args: ['dominfo', '--domain', domain] }),
      ),
    statistics: async (domain, options = {}) => {
      const args = ['domstats', '--raw', domain];
      return parseStatistics(await client.run({ ...options, action: `read statistics of domain ${domain}`, args }));
    },
  };
};

export const pinningCalls = (client: VirshClient): PinningCalls => {
  const pin = async (what: string, args: readonly string[], options: CallOptions): Promise<void> => {
    await client.run({ ...options, action: `pin ${what}`, args });
  };
  return {
    pinVcpu: (domain, vcpu, cpus, options = {}) =>
      pin(
        `vCPU ${String(vcpu)} of ${domain}`,
        ['vcpupin', '--domain', domain, '--vcpu', String(vcpu), '--cpulist', formatCpuList(cpus)],
        options,
      ),
    pinEmulator: (domain, cpus, options = {}) =>
      pin(`the emulator of ${domain}`, ['emulatorpin', '--domain', domain, '--cpulist', formatCpuList(cpus)], options),
    pinIoThread: (domain, iothread, cpus, options = {}) =>
      pin(
        `IOThread ${String(iothread)} of ${domain}`,
        ['iothreadpin', '--domain', domain, '--iothread', String(iothread), '--cpulist', formatCpuList(cpus)],
        options,
      ),
    pinning: async (domain, options = {}) => {
      const name = virshQuote(domain);
      const commands = ['vcpupin', 'emulatorpin', 'iothreadinfo'].map((verb) => `${verb} --domain ${name}`);
      const [vcpus, emulator, iothreads] = await client.batch(
        { ...options, action: `read the pinning of ${domain}` },
        commands,
        () => false,
      );
      return parsePinning(vcpus ?? '', emulator ?? '', iothreads ?? '');
    },
  };
};
