import type { VirtualHostOptions } from './options.js';

const iommuParameters = {
  intel: ['intel_iommu=on', 'iommu=pt'],
  amd: ['iommu=pt'],
  none: [],
} as const;

/** Modules that stay out until somebody loads them. */
const blacklist = ({ pstates, kvm }: VirtualHostOptions): readonly string[] => [
  // A guest under KVM hangs at its first write to the MSR of P-states.
  ...(pstates ? ['acpi_cpufreq'] : []),
  ...(kvm ? [] : ['kvm_amd', 'kvm']),
];

/** The kernel parameters of a virtual host, those of its image first and those of the user last. */
export const kernelParameters = (
  options: VirtualHostOptions,
  image: string,
  more: { readonly images?: boolean } = {},
): readonly string[] => {
  const { hugepages, iommu, cmdline } = options;
  const kept = blacklist(options);
  return [
    ...image.split(' ').filter((word) => word !== ''),
    'random.trust_cpu=on',
    // Else the kernel panics where a busy machine gives an emulated timer too little time to tick ten times.
    'no_timer_check',
    ...iommuParameters[iommu],
    ...(kept.length === 0 ? [] : [`modprobe.blacklist=${kept.join(',')}`]),
    ...(hugepages['1G'] === 0 ? [] : ['hugepagesz=1G', `hugepages=${String(hugepages['1G'])}`]),
    'default_hugepagesz=2M',
    ...(hugepages['2M'] === 0 ? [] : ['hugepagesz=2M', `hugepages=${String(hugepages['2M'])}`]),
    ...(more.images === true ? ['kvm4nfv.images'] : []),
    ...cmdline,
  ];
};
