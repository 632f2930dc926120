import { defineContext } from '../context.js';
import { kvmGuestOptions } from './options.js';

/** A KVM guest, provisioned over libvirt and reached over SSH. */
export const kvmGuest = defineContext({
  type: 'kvm-guest',
  summary: 'A KVM guest of its own, provisioned over libvirt; emulated, and marked so, where KVM does not work',
  options: kvmGuestOptions,
  preview: ({ image, vcpus, memory, profile, accelerator, warm, network }) => [
    `find libvirt, and whether KVM really works (accelerator ${accelerator})`,
    `choose CPUs and memory (profile ${profile}) and lease them`,
    typeof image === 'string' ? `build image ${image} unless the host has it` : `check ${image.file}`,
    `make a throw-away disk and keys, define ${String(vcpus)} vCPUs with ${String(memory / 2 ** 20)} MiB, network ${typeof network === 'string' ? network : Object.values(network).join(' ')}`,
    warm ? 'start from a saved state, or boot and save one' : 'boot',
    'wait for SSH with the host key that was handed in, and for the end of the boot',
    'read back pinning, scheduling, memory, kernel command line',
    'afterwards: destroy it and remove its files',
  ],
  deploy: async (options, on) => (await import('./deploy.js')).deployGuest(options, on),
  sweep: async (host, run, signal) => (await import('./sweep.js')).sweepGuests(host, run, signal),
});
