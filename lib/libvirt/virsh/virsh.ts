import type { Host } from '../../host/host.js';
import type { Hypervisor } from '../hypervisor.js';
import { VirshClient } from './client.js';
import { eventCalls, guestCalls, jobCalls } from './guest.js';
import { lifecycle } from './lifecycle.js';
import { networkCalls, nodeCalls } from './node.js';
import { pinningCalls, queries } from './queries.js';

/** {@link Hypervisor} by `virsh` on the hypervisor's host: needs nothing compiled and works behind SSH. Keeps no connection. */
export const virshHypervisor = (host: Host, uri: string, options: { readonly root?: boolean } = {}): Hypervisor => {
  const client = new VirshClient(host, uri, options.root ?? false);
  return {
    host,
    uri,
    implementation: 'virsh',
    ...lifecycle(client),
    ...queries(client),
    ...pinningCalls(client),
    ...guestCalls(client),
    ...jobCalls(client),
    ...nodeCalls(client),
    ...networkCalls(client),
    ...eventCalls(client),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
};
