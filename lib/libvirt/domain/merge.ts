import { Kvm4nfvError } from '../../error.js';
import { parseFragment } from '../xml/document.js';
import { append, element, type XmlElement, type XmlNode } from '../xml/element.js';
import type { DomainSpec } from './spec.js';

type Fragment = DomainSpec['fragments'][number];

/** What names the domain as ours, and what would wipe out a whole part of it. */
const kept = new Set(['name', 'uuid', 'devices', 'metadata']);
/** Devices that a domain has one of; all others may stand beside those that are there. */
const single = new Set(['emulator', 'memballoon', 'iommu', 'vsock', 'tpm', 'watchdog']);
const keys = ['name', 'vcpu', 'vcpus', 'iothread', 'iothreads', 'id', 'value'] as const;

const identity = (at: XmlElement): string =>
  keys.reduce((text, key) => `${text} ${key}=${at.attributes[key] ?? ''}`, at.name);

const replaces = (place: Fragment['at'], added: XmlElement, present: XmlNode): boolean => {
  if (typeof present === 'string' || present.name !== added.name || place === 'qemu:commandline') return false;
  if (place === 'devices')
    return single.has(added.name) || (added.name === 'controller' && sameController(added, present));
  return place === 'domain' || identity(added) === identity(present);
};

const sameController = (a: XmlElement, b: XmlElement): boolean =>
  a.attributes['type'] === b.attributes['type'] && (a.attributes['index'] ?? '0') === (b.attributes['index'] ?? '0');

const into = (parent: XmlElement, place: Fragment['at'], added: XmlElement): XmlElement => {
  const index = parent.children.findIndex((present) => replaces(place, added, present));
  return index < 0 ? append(parent, added) : { ...parent, children: parent.children.with(index, added) };
};

/**
 * A domain with a fragment's elements put in at a place. One that the domain has already, by name and by what tells it
 * apart from its like (a timer's name, a pin's vCPU), is replaced; devices are added, save those that there is one of.
 */
export const mergeFragment = (domain: XmlElement, { at, xml }: Fragment): XmlElement => {
  const added = parseFragment(xml, `fragment at '${at}'`);
  if (at === 'domain') {
    const refused = added.find(({ name }) => kept.has(name));
    if (refused !== undefined)
      throw new Kvm4nfvError('E_XML_FRAGMENT', `fragment at 'domain': <${refused.name}> can't be replaced`, {
        hint: `name the place '${refused.name}', or the option for it`,
      });
    return added.reduce((whole, one) => into(whole, at, one), domain);
  }
  const index = domain.children.findIndex((child) => typeof child !== 'string' && child.name === at);
  const present = domain.children[index];
  const parent = present === undefined || typeof present === 'string' ? element(at) : present;
  const merged = added.reduce((whole, one) => into(whole, at, one), parent);
  return index < 0 ? append(domain, merged) : { ...domain, children: domain.children.with(index, merged) };
};
