/**
 * Turns the root file system of a guest image into that of a machine under test: runs in it as root, before it is sealed.
 * `$1` the kernel's release, `$2` the time stamp of younger files.
 */
export const hostSetup = String.raw`
release=$1
cd /
# People log in here.
usermod --shell /bin/bash root

# A kernel and an initrd of a few megabytes with which the machine's own hypervisor is tried: nothing to fetch, no disk.
mkdir -p /opt/l2
cp "/boot/vmlinuz-$release" /opt/l2/vmlinuz
tree=$(mktemp -d)
mkdir -p "$tree/bin" "$tree/dev" "$tree/proc" "$tree/sys" "$tree/modules"
cp /bin/busybox "$tree/bin/busybox"
ln -s busybox "$tree/bin/sh"
cat >"$tree/init" <<'INIT'
#!/bin/sh
export PATH=/bin
busybox mount -t devtmpfs dev /dev
busybox mount -t proc proc /proc
busybox mount -t sysfs sys /sys
busybox --install -s /bin
for module in /modules/*; do insmod "$module"; done
ip link set lo up
argument() { sed -n "s/.*\<$1=\([^ ]*\).*/\1/p" /proc/cmdline; }
sleep 0.3
address=$(argument l2.address)
for device in /sys/class/net/*; do
  name=$(basename "$device")
  [ "$name" != lo ] || continue
  ip link set "$name" up
  [ -z "$address" ] || ip address add "$address" dev "$name"
  address=
  echo "L2-NIC $name driver=$(basename "$(readlink "$device/device/driver")") mac=$(cat "$device/address")"
done
echo "L2-READY uptime=$(cut -d ' ' -f 1 /proc/uptime) hypervisor=$(dmesg | sed -n 's/.*Hypervisor detected: //p')"
peer=$(argument l2.ping)
[ -z "$peer" ] || { ping -c 5 -i 1 -W 5 "$peer"; echo "L2-PING exit=$?"; }
case " $(cat /proc/cmdline) " in
  *' l2.off '*) poweroff -f ;;
  *' l2.tick '*) while :; do echo "L2-TICK $(cut -d ' ' -f 1 /proc/uptime)"; sleep 1; done ;;
esac
exec sh </dev/console >/dev/console 2>&1
INIT
chmod 755 "$tree/init"
number=100
for module in virtio_pci virtio_net igbvf e1000e virtio_rng; do
  modprobe -S "$release" --show-depends "$module" | sed -n 's/^insmod \([^ ]*\).*/\1/p'
done | while read -r file; do
  name=$(basename "$file" .xz)
  ! ls "$tree/modules" | grep -q -- "-$name$" || continue
  number=$((number + 1))
  case $file in
    *.xz) busybox xzcat "$file" >"$tree/modules/$number-$name" ;;
    *) cp "$file" "$tree/modules/$number-$name" ;;
  esac
done
find "$tree" -exec touch -h -d "@$2" {} +
(cd "$tree" && find . | LC_ALL=C sort | busybox cpio -o -H newc -R 0:0 --ignore-devno --renumber-inodes >/opt/l2/initrd)
rm -rf "$tree"

# The image's own trigger leaves out the classes that only a hypervisor needs: /dev/kvm gets its group by a rule.
mkdir -p /etc/systemd/system/systemd-udev-trigger.service.d
cat >/etc/systemd/system/systemd-udev-trigger.service.d/zz-host.conf <<'UNIT'
[Service]
ExecStart=-udevadm trigger --type=devices --action=add --subsystem-match=misc --subsystem-match=cpu
UNIT

# libvirt finds 1G pages where they are mounted.
cat >/etc/systemd/system/dev-hugepages1G.mount <<'UNIT'
[Unit]
Description=Huge pages of 1 GiB
DefaultDependencies=no
ConditionPathExists=/sys/kernel/mm/hugepages/hugepages-1048576kB
Before=sysinit.target
[Mount]
What=hugetlbfs
Where=/dev/hugepages1G
Type=hugetlbfs
Options=pagesize=1G
[Install]
WantedBy=sysinit.target
UNIT

# The controller's image cache, where the machine is given one: mounted when first looked at, since a machine that has
# it mounted can't be saved.
cat >/etc/systemd/system/var-cache-kvm4nfv-images.mount <<'UNIT'
[Unit]
Description=Guest images of the controller
DefaultDependencies=no
[Mount]
What=kvm4nfv-images
Where=/var/cache/kvm4nfv/images
Type=9p
Options=trans=virtio,version=9p2000.L,msize=524288,cache=loose,ro
UNIT
cat >/etc/systemd/system/var-cache-kvm4nfv-images.automount <<'UNIT'
[Unit]
Description=Guest images of the controller
DefaultDependencies=no
ConditionKernelCommandLine=kvm4nfv.images
[Automount]
Where=/var/cache/kvm4nfv/images
[Install]
WantedBy=multi-user.target
UNIT

# libvirt's first look at its QEMU takes 10 to 20 s under emulation: part of the boot, so that a saved machine has had it.
cat >/usr/lib/kvm4nfv/prepare <<'SCRIPT'
#!/bin/sh
udevadm settle --timeout=60
if [ -e /dev/kvm ]; then kind=kvm; else kind=qemu; fi
virsh -q -c qemu:///system domcapabilities --machine q35 --virttype "$kind" >/dev/null
virsh -q -c qemu:///system capabilities >/dev/null
sync
SCRIPT
chmod 755 /usr/lib/kvm4nfv/prepare
cat >/etc/systemd/system/kvm4nfv-prepare.service <<'UNIT'
[Unit]
Description=First look of libvirt at its emulator
After=libvirtd.service kvm4nfv-control.service
[Service]
Type=oneshot
RemainAfterExit=yes
TimeoutStartSec=300
ExecStart=-/usr/lib/kvm4nfv/prepare
[Install]
WantedBy=multi-user.target
UNIT
cat >/etc/systemd/system/kvm4nfv-ready.service <<'UNIT'
[Unit]
Description=Tells the console that the boot is over
DefaultDependencies=no
After=multi-user.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'echo "kvm4nfv: ready" >/dev/console'
[Install]
WantedBy=multi-user.target
UNIT

systemctl -q enable kvm4nfv-prepare.service kvm4nfv-ready.service dev-hugepages1G.mount var-cache-kvm4nfv-images.automount libvirtd.service libvirtd.socket virtlogd.socket
systemctl -q mask libvirt-guests.service systemd-tmpfiles-clean.timer
! systemctl -q is-enabled openvswitch-switch.service 2>/dev/null || systemctl -q disable openvswitch-switch.service
rm -f /etc/libvirt/qemu/networks/autostart/*
`;

/** What the console says once the machine has booted and can be saved. */
export const readyLine = 'kvm4nfv: ready';
