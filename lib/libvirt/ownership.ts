import { childrenOf, element, findAll, type XmlElement } from './xml/element.js';

/** Namespace of what we write into the `<metadata>` of domains and networks. An object without it is not ours. */
export const metadataNamespace = 'https://kvm4nfv.dev/libvirt/1';

/** Who made a domain or network. */
export interface Ownership {
  /** Id of the run. */
  readonly run: string;
  /** Name of the context in the suite. */
  readonly context: string;
}

/** The metadata element that marks an object as ours. */
export const ownershipElement = ({ run, context }: Ownership): XmlElement =>
  element('kvm4nfv:owner', { 'xmlns:kvm4nfv': metadataNamespace, run, context });

/** Who an element of metadata names as the owner; undefined where it is none of ours. */
export const ownerOf = ({ name, attributes }: XmlElement): Ownership | undefined => {
  const [prefix, local] = name.includes(':') ? name.split(':') : ['', name];
  const declared = attributes[prefix === '' ? 'xmlns' : `xmlns:${String(prefix)}`];
  const { run, context } = attributes;
  // `virsh metadata` prints the element without its namespace; it was asked for by that, though.
  const ours = local === 'owner' && (declared === metadataNamespace || (declared === undefined && prefix === ''));
  return ours && run !== undefined && context !== undefined ? { run, context } : undefined;
};

/** Who made the object whose document this is; undefined where it is not ours. */
export const ownershipOf = (root: XmlElement): Ownership | undefined =>
  findAll(root, 'metadata')
    .flatMap((metadata) => childrenOf(metadata))
    .filter(({ attributes }) => Object.values(attributes).includes(metadataNamespace))
    .map(ownerOf)
    .find((owner) => owner !== undefined);
