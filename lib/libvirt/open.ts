import { Kvm4nfvError } from '../error.js';
import type { Host } from '../host/host.js';
import { bindingHypervisor } from './binding/binding.js';
import { loadBinding } from './binding/native.js';
import type { Hypervisor } from './hypervisor.js';
import { virshHypervisor } from './virsh/virsh.js';

export interface OpenHypervisorOptions {
  /** `auto`: the binding where the host is this machine and the binding can be loaded, else virsh. Default: `auto`. */
  readonly implementation?: 'auto' | 'binding' | 'virsh';
  /** Run virsh as root. Default: false. The binding has the rights of this process. */
  readonly root?: boolean;
  /** Directory whose node_modules holds the binding. Default: that of this package. */
  readonly bindingFrom?: string;
}

const schemes = /^(?:qemu|test)(?:\+(?:unix|ssh|libssh|libssh2|tls|tcp|ext))?:\/\/[^\s]*$/;

/** Checks the form of a libvirt URI. Fault `usage`. */
export const checkUri = (uri: string): string => {
  if (schemes.test(uri)) return uri;
  throw new Kvm4nfvError('E_LIBVIRT_URI', `not a URI of libvirt's QEMU driver: '${uri}'`, {
    hint: 'such as qemu:///system, qemu:///session, qemu+ssh://user@192.0.2.1/system',
  });
};

/** libvirt on a host. Nothing is connected to before the first call. Fault `environment` where the implementation asked for can't be had. */
export const openHypervisor = async (
  host: Host,
  uri = 'qemu:///system',
  options: OpenHypervisorOptions = {},
): Promise<Hypervisor> => {
  const { implementation = 'auto', root = false, bindingFrom } = options;
  checkUri(uri);
  if (implementation === 'virsh' || (implementation === 'auto' && host.transport !== 'local'))
    return virshHypervisor(host, uri, { root });
  if (host.transport !== 'local')
    throw new Kvm4nfvError('E_BINDING', `${host.name}: the libvirt binding works for this machine only`, {
      hint: 'use virsh',
    });
  try {
    return bindingHypervisor(await loadBinding(bindingFrom), host, uri, { root });
  } catch (error) {
    if (implementation === 'binding') throw error;
    return virshHypervisor(host, uri, { root });
  }
};
