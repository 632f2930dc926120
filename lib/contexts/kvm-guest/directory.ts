// Searchable, not readable: libvirt may run QEMU as another user, who must get at the disk that was chowned to it. The
// directory above is for everybody's runs, so what is found there must be checked to be ours.
export const directoryScript = `
umask 066
mkdir -p -- "\${1%/*}" && { chmod 1777 "\${1%/*}" 2>/dev/null || :; }
mkdir -p -m 0711 -- "$1" || exit
[ -O "$1" ] && [ ! -L "$1" ] || { echo "$1 is somebody else's" >&2; exit 1; }
mkdir -m 0711 -- "$2"
`;
