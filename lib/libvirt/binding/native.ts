import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Kvm4nfvError, messageOf } from '../../error.js';

/** A domain of the binding. */
export interface NativeDomain {
  getName(): Promise<string>;
  getUUIDString(): Promise<string>;
  getID(): Promise<number | null>;
  getXMLDesc(flags?: number): Promise<string>;
  /** Memory in KiB, CPU time in nanoseconds. */
  getInfo(): Promise<{
    readonly state: number;
    readonly maxMem: number;
    readonly memory: number;
    readonly nrVirtCpu: number;
    readonly cpuTime: number;
  }>;
  create(): Promise<void>;
  destroy(): Promise<void>;
  shutdown(): Promise<void>;
  suspend(): Promise<void>;
  resume(): Promise<void>;
  undefine(): Promise<void>;
  save(path: string): Promise<void>;
}

/** A connection of the binding: what we use of `@unraid/libvirt` 2.x, written down here because it need not be installed. */
export interface NativeConnection {
  connectOpen(): Promise<void>;
  connectClose(): Promise<void>;
  connectListAllDomains(flags?: number): Promise<readonly NativeDomain[]>;
  domainCreateXML(xml: string): Promise<NativeDomain>;
  domainDefineXML(xml: string): Promise<NativeDomain>;
  domainLookupByName(name: string): Promise<NativeDomain>;
  domainLookupByUUIDString(uuid: string): Promise<NativeDomain>;
  domainRestore(path: string): Promise<void>;
}

export interface Binding {
  readonly Hypervisor: new (options: { readonly uri: string }) => NativeConnection;
}

/** The package of the binding: an optional peer dependency. */
export const bindingPackage = '@unraid/libvirt';

const isBinding = (module: unknown): module is Binding =>
  typeof module === 'object' && module !== null && 'Hypervisor' in module && typeof module.Hypervisor === 'function';

/**
 * Loads the binding; `from` is a file or directory whose node_modules is searched, by default ours. Fault `environment`
 * where it is not installed or can't be loaded (it needs libvirt's library and a build for this Node).
 */
export const loadBinding = async (from?: string): Promise<Binding> => {
  try {
    const name = from === undefined ? bindingPackage : pathToFileURL(resolveFrom(from)).href;
    const module: unknown = await import(name);
    if (isBinding(module)) {
      // The native part is only loaded when the first connection object is made.
      if (new module.Hypervisor({ uri: 'test:///default' }) instanceof module.Hypervisor) return module;
    }
  } catch (cause) {
    throw unavailable(messageOf(cause), cause);
  }
  throw unavailable('it has no class Hypervisor');
};

const resolveFrom = (from: string): string => {
  const [path] = createRequire(`${from}/`).resolve.paths(bindingPackage) ?? [];
  return `${path ?? from}/${bindingPackage}/dist/index.js`;
};

const unavailable = (why: string, cause?: unknown): Kvm4nfvError =>
  new Kvm4nfvError('E_BINDING', `the libvirt binding ${bindingPackage} can't be used: ${why.split('\n')[0] ?? why}`, {
    hint: `install libvirt's headers and a compiler, then: npm i ${bindingPackage}; or use virsh`,
    ...(cause === undefined ? {} : { cause }),
  });
