/** QEMU and what it loads; its libraries come along as dependencies. */
export const treePackages = ['qemu-system-x86', 'qemu-utils', 'seabios', 'ipxe-qemu'] as const;

/**
 * Runs QEMU from the tree that it is in, by the tree's own dynamic linker: nothing is installed, and the machine's
 * libraries are not touched. Called by its path, since a daemon starts it with an empty environment.
 */
export const emulatorScript = String.raw`#!/bin/sh
tree=${'$'}{0%/*}/..
libraries=$tree/usr/lib/x86_64-linux-gnu
QEMU_MODULE_DIR=$libraries/qemu exec "$libraries/ld-linux-x86-64.so.2" --library-path "$libraries" \
  --argv0 qemu-system-x86_64 "$tree/usr/bin/qemu-system-x86_64" -L "$tree/usr/share/seabios" -L "$tree/usr/share/qemu" "$@"
`;

export const imageToolScript = String.raw`#!/bin/sh
tree=${'$'}{0%/*}/..
libraries=$tree/usr/lib/x86_64-linux-gnu
QEMU_MODULE_DIR=$libraries/qemu exec "$libraries/ld-linux-x86-64.so.2" --library-path "$libraries" \
  --argv0 qemu-img "$tree/usr/bin/qemu-img" "$@"
`;

/**
 * Unpacks the packages below "$1/<digest>", under a lock, all or nothing: two builders of one tree build it once. No
 * maintainer script runs, so it needs no chroot and is the same for every builder.
 *
 * The module folder that is compiled into QEMU is given another name of the same length: libvirt probes in a way that
 * makes QEMU load every module that it finds, it looks there besides QEMU_MODULE_DIR, and modules of the machine's own
 * QEMU make it abort (`module_load_dso: Assertion`), of which libvirt says "failed to get emulator capabilities" only.
 *
 * stdin: a tar archive of sources.list, emulator and image-tool. $1 directory of trees, $2 digest, $3 mode (root or
 * unshare), $4 suite, $5 packages separated by commas. Last line of stdout: `built`, or `ready` when it was there.
 */
export const treeScript = String.raw`set -eu
umask 022
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
trees=$1 digest=$2 mode=$3 suite=$4 packages=$5
building=$trees/$digest.building
exec 9>"$trees/$digest.lock"
flock 9
if [ -e "$trees/$digest/sum" ]; then
  echo ready
  exit 0
fi
trap 'cd /; rm -rf --one-file-system "$building"' EXIT
trap 'exit 143' TERM INT HUP
rm -rf --one-file-system "$building" "$trees/$digest"
mkdir -m 711 "$building"
mkdir -m 1777 "$building/tmp"
mkdir -p "$building/tree/bin"
tar -x -f - -C "$building" --no-same-owner
exec </dev/null
cd "$building"
export TMPDIR="$building/tmp"
mmdebstrap --mode="$mode" --variant=extract --format=tar --include="$packages" \
  --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' --aptopt='Acquire::Retries "3"' \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
  --extract-hook='ls "$1/var/cache/apt/archives" | sed -n "s/%3a/:/; s/_[a-z0-9]*[.]deb\$//p" >"$1/packages"' \
  "$suite" tree.tar - <sources.list >&2
tar -x -f tree.tar -C tree --no-same-owner --wildcards ./packages ./usr/lib ./usr/lib64 './usr/share/doc' \
  './usr/share/qemu' './usr/share/seabios' './usr/lib/ipxe' ./usr/bin/qemu-system-x86_64 ./usr/bin/qemu-img \
  --exclude=./usr/lib/systemd --exclude=./usr/lib/udev --exclude='./usr/lib/x86_64-linux-gnu/perl*' 2>errors ||
  ! grep -v -e 'ipxe: Not found in archive' -e 'Exiting with failure status' errors >&2
rm -f tree.tar
rm -rf --one-file-system tmp
sed -i 's#/usr/lib/x86_64-linux-gnu/qemu\x00#/usr/lib/kvm4nfv-private-qemu/\x00#' tree/usr/bin/qemu-system-x86_64
grep -q -a -F /usr/lib/kvm4nfv-private-qemu/ tree/usr/bin/qemu-system-x86_64 || {
  echo 'E: this QEMU does not have the module folder that was expected' >&2
  exit 1
}
cp emulator tree/bin/qemu-system-x86_64
cp image-tool tree/bin/qemu-img
chmod 755 tree/bin/*
tree/bin/qemu-img --version | sed -n 's/^qemu-img version \([0-9.]*\).*/\1/p' >tree/version
test -s tree/version
cd tree
find . -type f ! -name sum -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -d ' ' -f 1 >"$building/sum"
mv "$building/sum" sum
sync -f sum
mv "$building/tree" "$trees/$digest"
echo built
`;
