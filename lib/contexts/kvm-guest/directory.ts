import { trustFunctions } from '../../host/trust-script.js';

/**
 * Makes the directory of a guest, $2, in that of its run, $1. Searchable, not readable: libvirt may run QEMU as another user,
 * who must get at the disk that was chowned to it.
 */
export const directoryScript = `${trustFunctions}
trust "\${1%/*}" 711 && trust "$1" 711 || exit
mkdir -m 0711 -- "$2"
`;

/** Removes it, and those above it that are ours and empty then. */
export const removeDirectoryScript = `${trustFunctions}
remove "$2" || exit
rmdir -- "$1" "\${1%/*}" 2>/dev/null
exit 0
`;
