import type { Lifecycle } from '../hypervisor.js';
import { parseXml } from '../xml/document.js';
import { textOf } from '../xml/element.js';
import { starting, type VirshClient } from './client.js';

const nameIn = (xml: string): string => textOf(parseXml(xml, 'domain XML'), 'name') ?? 'without a name';
const flag = (set: boolean | undefined, name: string): readonly string[] => (set === true ? [name] : []);

export const lifecycle = (client: VirshClient): Lifecycle => {
  const simple =
    (verb: string) =>
    async (domain: string, options: object = {}): Promise<void> => {
      await client.run({ ...options, action: `${verb} domain ${domain}`, args: [verb, '--domain', domain] });
    };
  return {
    create: async (xml, { paused, validate = true, ...options } = {}) => {
      const args = ['create', '/dev/stdin', ...flag(paused, '--paused'), ...flag(validate, '--validate')];
      await client.run({ timeout: starting, ...options, action: `create domain ${nameIn(xml)}`, args, xml });
    },
    define: async (xml, { validate = true, ...options } = {}) => {
      const args = ['define', '/dev/stdin', ...flag(validate, '--validate')];
      await client.run({ timeout: starting, ...options, action: `define domain ${nameIn(xml)}`, args, xml });
    },
    start: async (domain, { paused, ...options } = {}) => {
      const args = ['start', '--domain', domain, ...flag(paused, '--paused')];
      await client.run({ timeout: starting, ...options, action: `start domain ${domain}`, args });
    },
    undefine: simple('undefine'),
    destroy: simple('destroy'),
    suspend: simple('suspend'),
    resume: simple('resume'),
    shutdown: async (domain, { mode, ...options } = {}) => {
      const args = ['shutdown', '--domain', domain, ...(mode === undefined ? [] : ['--mode', mode])];
      await client.run({ ...options, action: `shut down domain ${domain}`, args });
    },
    save: async (domain, path, options = {}) => {
      const args = ['save', '--domain', domain, '--file', path];
      await client.run({ timeout: starting, ...options, action: `save domain ${domain} to ${path}`, args });
    },
    restore: async (path, { paused, xml, ...options } = {}) => {
      const replaced = xml === undefined ? [] : ['--xml', '/dev/stdin'];
      await client.run({
        timeout: starting,
        ...options,
        action: `restore ${path}`,
        args: ['restore', '--file', path, ...replaced, paused === true ? '--paused' : '--running'],
        ...(xml === undefined ? {} : { xml }),
      });
    },
    savedXml: (path, options = {}) =>
      client.run({ ...options, action: `read the document in ${path}`, args: ['save-image-dumpxml', '--file', path] }),
  };
};
