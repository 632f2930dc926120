import type { MigrateOptions } from '../types.js';

const flags: readonly (readonly [keyof MigrateOptions, string])[] = [
  ['peerToPeer', '--p2p'],
  ['tunnelled', '--tunnelled'],
  ['persistent', '--persistent'],
  ['undefineSource', '--undefinesource'],
  ['suspend', '--suspend'],
  ['unsafe', '--unsafe'],
  ['autoConverge', '--auto-converge'],
  ['postcopy', '--postcopy'],
  ['postcopyAfterPrecopy', '--postcopy-after-precopy'],
  ['compressed', '--compressed'],
];
const values: readonly (readonly [keyof MigrateOptions, string])[] = [
  ['bandwidth', '--bandwidth'],
  ['migrateUri', '--migrateuri'],
  ['listenAddress', '--listen-address'],
  ['destinationName', '--dname'],
];

/** Arguments of `virsh migrate`; a document for the destination is read from /dev/stdin. */
export const migrateArguments = (domain: string, destination: string, options: MigrateOptions): readonly string[] => {
  const { live = true, parallel = 1, copyStorage, xml } = options;
  return [
    'migrate',
    '--domain',
    domain,
    '--desturi',
    destination,
    ...(live ? ['--live'] : []),
    ...flags.flatMap(([key, flag]) => (options[key] === true ? [flag] : [])),
    ...values.flatMap(([key, flag]) => {
      const value = options[key];
      return typeof value === 'string' || typeof value === 'number' ? [flag, String(value)] : [];
    }),
    ...(copyStorage === undefined ? [] : [copyStorage === 'all' ? '--copy-storage-all' : '--copy-storage-inc']),
    ...(parallel > 1 ? ['--parallel', '--parallel-connections', String(parallel)] : []),
    ...(xml === undefined ? [] : ['--xml', '/dev/stdin']),
  ];
};
