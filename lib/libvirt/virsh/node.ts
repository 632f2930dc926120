import type { NetworkCalls, NodeCalls } from '../hypervisor.js';
import { ownershipOf } from '../ownership.js';
import { parseCapabilities } from '../parse/capabilities.js';
import { parseDomainCapabilities } from '../parse/domain-capabilities.js';
import { parseVersions } from '../parse/tables.js';
import { parseXml } from '../xml/document.js';
import { textOf } from '../xml/element.js';
import { starting, virshQuote, type VirshClient } from './client.js';

const gone = (text: string): boolean =>
  /^(?:failed to get network|Network not found|Could not find matching device|Node device not found)/i.test(text);
const named = (text: string): readonly string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');

export const nodeCalls = (client: VirshClient): NodeCalls => ({
  capabilities: async (options = {}) =>
    parseCapabilities(
      await client.run({ timeout: starting, ...options, action: 'read capabilities', args: ['capabilities'] }),
    ),
  domainCapabilities: async ({ type, machine, arch, emulator } = {}, options = {}) => {
    const wanted = { '--virttype': type, '--machine': machine, '--arch': arch, '--emulatorbin': emulator };
    const flags = Object.entries(wanted).flatMap(([flag, value]) => (value === undefined ? [] : [flag, value]));
    const args = ['domcapabilities', ...flags];
    return parseDomainCapabilities(
      await client.run({ timeout: starting, ...options, action: 'read domain capabilities', args }),
    );
  },
  nodeDevices: async (capability, options = {}) => {
    const names = named(
      await client.run({ ...options, action: 'list node devices', args: ['nodedev-list', '--cap', capability] }),
    );
    const commands = names.map((name) => `nodedev-dumpxml ${virshQuote(name)}`);
    const documents = await client.batch({ ...options, action: 'read node devices' }, commands, gone);
    return names.flatMap((name, index) => {
      const xml = documents[index];
      return xml === undefined ? [] : [{ name, xml }];
    });
  },
  // The daemon's version needs a connection to one, which the drivers inside the client do not have.
  versions: async (options = {}) => {
    const action = 'read versions';
    const args = client.uri.startsWith('test:') ? ['version'] : ['version', '--daemon'];
    return parseVersions(await client.run({ timeout: starting, ...options, action, args }));
  },
});

export const networkCalls = (client: VirshClient): NetworkCalls => ({
  createNetwork: async (xml, options = {}) => {
    const name = textOf(parseXml(xml, 'network XML'), 'name') ?? '';
    await client.run({ ...options, action: `create network ${name}`, args: ['net-create', '/dev/stdin'], xml });
    return name;
  },
  destroyNetwork: async (network, options = {}) => {
    await client.run({ ...options, action: `destroy network ${network}`, args: ['net-destroy', '--network', network] });
  },
  networkXml: (network, options = {}) =>
    client.run({
      ...options,
      action: `read the XML of network ${network}`,
      args: ['net-dumpxml', '--network', network],
    }),
  ourNetworks: async (run, options = {}) => {
    const names = named(
      await client.run({ ...options, action: 'list networks', args: ['net-list', '--all', '--name'] }),
    );
    const commands = names.map((name) => `net-dumpxml ${virshQuote(name)}`);
    const documents = await client.batch({ ...options, action: 'read the owners of networks' }, commands, gone);
    return names.filter((name, index) => {
      const xml = documents[index];
      const owner = xml === undefined ? undefined : ownershipOf(parseXml(xml, `network ${name}`));
      return owner !== undefined && (run === undefined || owner.run === run);
    });
  },
});
