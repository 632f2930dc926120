/*
 * Constant texts that run on the machine where an image is built. Values come as positional parameters.
 */

/**
 * All that an initrd needs to find the root file system, the first-boot data and the network; and pvpanic, through which a
 * panic is told to the hypervisor from then on.
 */
export const initrdModules: readonly string[] = ['virtio_pci', 'virtio_blk', 'virtio_net', 'ext4', 'pvpanic_mmio'];

/**
 * Runs inside the new root file system, as its root: makes the initrd, lists the packages, and takes out whatever
 * differs from build to build. $1: seconds since the epoch, for what has a time stamp; the rest: modules of the initrd.
 */
export const customizeScript = `#!/bin/sh
set -eu
epoch=$1
shift
release=$(ls /lib/modules)
case $release in *' '* | *'
'*) echo "more than one kernel: $release" >&2; exit 1 ;; esac
out=/kvm4nfv-build
tree=$out/tree
mkdir -p $tree/bin $tree/dev $tree/proc $tree/sys $tree/root $tree/modules
cp $out/init $tree/init
chmod 755 $tree/init
cp /bin/busybox $tree/bin/busybox
ln -s busybox $tree/bin/sh
number=100
for module; do
  modprobe -S "$release" --show-depends "$module" | sed -n 's/^insmod \\([^ ]*\\).*/\\1/p'
done | while read -r file; do
  name=\${file##*/}
  name=\${name%.xz}
  name=\${name%.zst}
  ! ls $tree/modules | grep -q -- "-$name$" || continue
  number=$((number + 1))
  case $file in
    *.xz) busybox xzcat "$file" >"$tree/modules/$number-$name" ;;
    *.zst) zstd -qdc "$file" >"$tree/modules/$number-$name" ;;
    *) cp "$file" "$tree/modules/$number-$name" ;;
  esac
done
sed -n 's/^[^#][^ ]* \\([^ ]*\\) \\([bc]\\)\\([0-9]*\\):\\([0-9]*\\)$/\\2 \\1 600 \\3 \\4/p' "/lib/modules/$release/modules.devname" >$tree/nodes
find $tree -exec touch -h -d "@$epoch" {} +
(cd $tree && find . | LC_ALL=C sort | busybox cpio -o -H newc -R 0:0 --ignore-devno --renumber-inodes >$out/initrd)
product=$out/product
mkdir $product
mv $out/initrd $product/initrd
cp "/boot/vmlinuz-$release" $product/vmlinuz
! grep -q '^CONFIG_PVH=y' "/boot/config-$release" || : >$product/pvh
echo "$release" >$product/release
dpkg-query -W -f '\${Package}\\t\${Version}\\n' | LC_ALL=C sort >$product/packages
rm -rf $tree
# SSH gives each command to the login shell, and dash starts in half the time.
sed -i 's#^\\(root:.*:\\)/bin/bash$#\\1/bin/sh#' /etc/passwd
for user in $KVM4NFV_USERS; do useradd --create-home --shell /bin/bash --password '*' "$user"; done

[ ! -s $out/setup ] || sh -eu $out/setup "$release" "$epoch"

# The guest boots by the kernel and initrd beside the image.
rm -rf /boot/* /vmlinuz* /initrd.img*
rm -f /etc/machine-id /var/lib/dbus/machine-id /etc/ssh/ssh_host_* /etc/modules-load.d/modules.conf /var/lib/systemd/random-seed
rm -f /etc/passwd- /etc/group- /etc/shadow- /etc/gshadow- /etc/subuid- /etc/subgid- /etc/ld.so.cache~ /etc/resolv.conf~
rm -rf /var/log/* /var/cache/* /var/tmp/* /tmp/* /run/* /var/lib/apt/lists/* /var/lib/dpkg/*-old /var/lib/initramfs-tools
mkdir -p /var/log /var/cache/apt/archives/partial /var/lib/apt/lists/partial /run/lock
find / -name '*.pyc' -xdev -delete
# The day of the last password change is the day of the build.
sed -i "s/^\\([^:]*:[^:]*:\\)[0-9]*:/\\1$((epoch / 86400)):/" /etc/shadow
rm -f /etc/shadow-
# systemd compares these with its units' time stamps and would rebuild its caches at the first boot.
touch -d "@$epoch" /etc/.updated /var/.updated
`;

/**
 * The file system, from a view of the root without what is mounted below it. No journal and no lazy initialisation: the
 * guest is thrown away, and a kernel thread that writes inode tables would run while something is measured.
 * $1: the root file system, $2: scratch directory.
 */
export const makeDiskScript = `set -eu
: "\${2:?}"
mkdir "$2/view"
mount --bind "$1" "$2/view"
find "$2/view" -xdev -newermt "@$KVM4NFV_EPOCH" -exec touch -h -d "@$KVM4NFV_EPOCH" {} +
truncate -s "$KVM4NFV_SIZE" "$2/disk.raw"
mke2fs -q -F -t ext4 -L kvm4nfv-root -U "$KVM4NFV_UUID" -O ^has_journal,^metadata_csum -m 0 -N 65536 \\
  -E "nodiscard,lazy_itable_init=1,root_owner=0:0,hash_seed=$KVM4NFV_UUID" -d "$2/view" "$2/disk.raw"
# mke2fs copies when an inode was last changed and read, which nothing can set in the scratch directory for good.
at="@$KVM4NFV_EPOCH"
find "$2/view" -xdev -printf "set_inode_field \\"/%P\\" ctime $at\\nset_inode_field \\"/%P\\" atime $at\\n" >"$2/times"
debugfs -w -f "$2/times" "$2/disk.raw" >/dev/null 2>&1
rm "$2/times"
umount "$2/view"
rmdir "$2/view"
`;

/**
 * Builds one image. Everything happens below "$1/<digest>.building" and becomes "$1/<digest>" by one rename, under a lock:
 * of two builders one waits and then finds the image there. Last line of stdout: `built`, or `ready` when it was there.
 *
 * stdin: a tar archive of `files.tar`, `sources.list`, `manifest.json` and `make-disk`. $1 cache directory, $2 digest,
 * $3 mode (root or unshare), $4 suite, $5 packages separated by commas, $6 seconds since the epoch, $7 size in bytes,
 * $8 UUID of the file system, $9 format (raw or qcow2), $10 users separated by spaces, the rest: modules of the initrd.
 */
export const buildScript = `set -eu
umask 022
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
cache=$1 digest=$2 mode=$3 suite=$4 packages=$5 epoch=$6 size=$7 uuid=$8 format=$9 users=\${10}
shift 10
building=$cache/$digest.building
exec 9>"$cache/$digest.lock"
flock 9
if [ -e "$cache/$digest/sums" ]; then
  echo ready
  exit 0
fi
trap 'cd /; rm -rf --one-file-system "$building"' EXIT
trap 'exit 143' TERM INT HUP
rm -rf --one-file-system "$building" "$cache/$digest"
# In unshare mode root is another user, who has to get through to the scratch directory.
mkdir -m 711 "$building"
mkdir -m 1777 "$building/tmp"
mkdir "$building/out"
tar -x -f - -C "$building" --no-same-owner
exec </dev/null
export TMPDIR="$building/tmp" SOURCE_DATE_EPOCH="$epoch" INITRD=No DEBIAN_FRONTEND=noninteractive
export E2FSPROGS_FAKE_TIME="$epoch" KVM4NFV_UUID="$uuid" KVM4NFV_SIZE="$size" KVM4NFV_EPOCH="$epoch"
export KVM4NFV_SCRATCH="$building/tmp" KVM4NFV_MODULES="$*" KVM4NFV_USERS="$users" KVM4NFV_MAKE_DISK="$(cat "$building/make-disk")"
cd "$building"
mmdebstrap --mode="$mode" --variant=minbase --format=null --include="$packages" \\
  --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' --aptopt='Acquire::Retries "3"' \\
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \\
  --dpkgopt='path-exclude=/usr/share/info/*' --dpkgopt='path-exclude=/usr/share/doc/*' \\
  --dpkgopt=force-confold --dpkgopt='path-include=/usr/share/doc/*/copyright' --dpkgopt='path-exclude=/usr/share/bug/*' \\
  --dpkgopt='path-exclude=/usr/share/lintian/*' --dpkgopt='path-exclude=/usr/share/zoneinfo/*' \\
  --setup-hook='mkdir -p "$1/etc/initramfs-tools" && echo update_initramfs=no >"$1/etc/initramfs-tools/update-initramfs.conf"' \\
  --customize-hook='tar-in files.tar /' \\
  --customize-hook='chroot "$1" /kvm4nfv-build/customize "$KVM4NFV_EPOCH" $KVM4NFV_MODULES' \\
  --customize-hook='copy-out /kvm4nfv-build/product out' \\
  --customize-hook='rm -rf "$1/kvm4nfv-build"' \\
  --customize-hook='unshare --mount sh -c "$KVM4NFV_MAKE_DISK" make-disk "$1" "$KVM4NFV_SCRATCH"' \\
  "$suite" - <sources.list >&2
mv out/product/* out
rmdir out/product
# A kernel packed with xz unpacks itself for seconds under emulation: unpacked here, QEMU starts it by its PVH entry. Where
# its parts lie stands in its header (Documentation/arch/x86/boot.rst: setup_sects, payload_offset, payload_length).
field() { od -An -j "$1" -N "$2" -t "u$2" out/vmlinuz | tr -d ' '; }
start=$((($(field 497 1) + 1) * 512 + $(field 584 4)))
tail -c "+$((start + 1))" out/vmlinuz | head -c "$(($(field 588 4) - 4))" >payload
if [ -e out/pvh ] && [ "$(od -An -tx1 -N 6 payload)" = ' fd 37 7a 58 5a 00' ]; then xz -dc <payload >out/vmlinux; fi
rm -f payload out/pvh
cp --sparse=always tmp/disk.raw out/disk.raw
rm -f tmp/disk.raw
if [ "$format" = qcow2 ]; then
  qemu-img convert -q -m 1 -f raw -O qcow2 out/disk.raw out/disk.qcow2
  rm -f out/disk.raw
fi
cp manifest.json out/manifest.json
echo "$mode" >out/mode
chmod 644 out/*
cd out
sha256sum disk.* initrd vmlinu? >sums
stat -c '%n %s %.9Y' disk.* initrd vmlinu? >stamps
sync -f sums
mv "$building/out" "$cache/$digest"
echo built
`;
