/** Where an extra fragment goes: the domain element itself or one of its children. */
export const fragmentPlaces = [
  'domain',
  'devices',
  'features',
  'cpu',
  'cputune',
  'numatune',
  'memoryBacking',
  'clock',
  'os',
  'metadata',
  'qemu:commandline',
] as const;
