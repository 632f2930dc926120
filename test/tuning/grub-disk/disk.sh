# Makes a disk with GRUB on it and enters it. Arguments: the disk (an empty file), a kernel, this project, the program and its arguments.
# Runs in a mount namespace of its own; its root is the disk, with this machine's /usr below it.
set -e
disk=$1 kernel=$2 project=$3; shift 3
# Not every kernel shows the partitions of a loop device: the file system is the whole disk, and GRUB lies in it.
# GRUB's script leaves loop devices of one digit out.
number=10 made=
while loop=/dev/loop$number; ! {
  [ -e "$loop" ] || { mknod "$loop" b 7 "$number" && made=$loop; }
  losetup "$loop" "$disk" 2>/dev/null
}; do
  number=$((number + 1))
  [ "$number" -lt 64 ]
done
trap 'set +e; cd /; umount -R "$root" 2>/dev/null || umount -lR "$root"; losetup --detach "$loop"; rm -f $made; rmdir "$root"' EXIT
root=$(mktemp -d /tmp/kvm4nfv-grub-disk.XXXXXX)
mkfs.ext4 -q "$loop"
mount "$loop" "$root"
cd "$root"
mkdir -p usr proc sys dev run tmp root boot/grub var/lib etc/default/grub.d ".$project"
for name in bin sbin lib lib64; do ln -s "usr/$name" "$name"; done
for name in usr proc sys dev; do mount --rbind "/$name" "$name"; done
mount --bind "$project" ".$project"
mount -t tmpfs none run
mount -t tmpfs none tmp
cp -a /etc/passwd /etc/group /etc/nsswitch.conf /etc/grub.d /etc/ld.so.cache etc
[ ! -d /etc/alternatives ] || cp -a /etc/alternatives etc
cp "$kernel" boot/vmlinuz-6.1.0-test
echo 'no archive' >boot/initrd.img-6.1.0-test
cat >etc/default/grub <<'END'
GRUB_DEFAULT=0
GRUB_TIMEOUT=0
GRUB_DISTRIBUTOR=`echo Debian`
ROOTARGS="rd.lvm.lv=vg/root \
  cryptdevice=UUID=0000:cryptroot"
GRUB_CMDLINE_LINUX_DEFAULT="splash panic=1"; GRUB_CMDLINE_LINUX="$ROOTARGS console=ttyS0 isolcpus=7"
GRUB_CMDLINE_LINUX_DEFAULT="${GRUB_CMDLINE_LINUX_DEFAULT:+$GRUB_CMDLINE_LINUX_DEFAULT }\$tuned_params"
END
echo 'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX net.ifnames=0"' >etc/default/grub.d/50-names.cfg
chroot . grub-mkconfig -o /boot/grub/grub.cfg 2>/dev/null
chroot . grub-install --target=i386-pc --force "$loop" 2>/dev/null
printf 'BOOT_IMAGE=/boot/vmlinuz-6.1.0-test %s\n' "$(sed -n 's/^\s*linux\s*\S* //p' boot/grub/grub.cfg | head -n 1)" >run/cmdline
mount --bind run/cmdline proc/cmdline
chroot . env -C "$project" "$@"
