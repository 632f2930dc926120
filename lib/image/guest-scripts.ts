/*
 * Constant texts that run inside the guest. Values reach them as files of the first-boot disk, which they read line by
 * line and never evaluate.
 */

/**
 * Takes over what the first-boot disk says. Run by our initrd before PID 1 (`boot`), and again after a restore from a
 * saved state (`restore [seconds.nanoseconds]`), when the disk holds the data of another run and page cache, clock,
 * random state, keys and addresses are those of the guest that was saved. Says `applied <id>` at the end.
 */
export const applyScript = `#!/bin/sh
set -eu
umask 077
what=$1 now=\${2:-}
run=/run/kvm4nfv
[ -z "$now" ] || date -s "@$now" >/dev/null
disk=
for serial in /sys/block/vd*/serial; do
  read -r name <"$serial" || :
  [ "$name" != kvm4nfv-data ] || { disk=\${serial%/serial}; disk=/dev/\${disk##*/}; }
done
[ -n "$disk" ] || { echo 'kvm4nfv: no first-boot disk (a virtio disk with the serial kvm4nfv-data)' >&2; exit 1; }
rm -rf $run.new
mkdir -m 711 $run.new
# Past the page cache, which after a restore still holds the data of the guest that was saved.
dd if="$disk" bs=65536 count=1 iflag=direct status=none | tar -x -f - -C $run.new --no-same-owner
[ -s $run.new/id ] || { echo 'kvm4nfv: the first-boot disk holds no data' >&2; exit 1; }
rm -rf $run.old
[ ! -d $run ] || mv $run $run.old
mv $run.new $run
rm -rf $run.old

# Mixed in and credited; the reseed makes guests restored from one state part ways at once.
perl -e '
  open my $seed, "<", "$ARGV[0]/entropy" or exit; binmode $seed; local $/; my $bytes = pack("H*", <$seed> =~ s/\\s//gr);
  open my $random, "+<", "/dev/random" or die "random: $!";
  ioctl $random, 0x40085203, pack("ii", 8 * length $bytes, length $bytes) . $bytes or die "RNDADDENTROPY: $!";
  my $none = 0; ioctl $random, 0x5207, $none;
' $run || echo 'kvm4nfv: no entropy was added' >&2
rm -f $run/entropy

cat $run/machine-id >/etc/machine-id
chmod 444 /etc/machine-id
read -r host <$run/hostname
echo "$host" >/etc/hostname
echo "$host" >/proc/sys/kernel/hostname
printf '127.0.0.1 localhost\\n127.0.1.1 %s\\n::1 localhost\\n' "$host" >/etc/hosts
chmod 644 /etc/hostname /etc/hosts
[ ! -s $run/resolv.conf ] || { cat $run/resolv.conf >/etc/resolv.conf; chmod 644 /etc/resolv.conf; }

ip link set lo up
[ ! -f $run/network ] || while read -r mac name address gateway; do
  for device in /sys/class/net/*; do
    read -r has <"$device/address" || continue
    [ "$has" = "$mac" ] || continue
    is=\${device##*/}
    [ "$is" = "$name" ] || { ip link set "$is" down; ip link set "$is" name "$name"; }
    ip address flush dev "$name"
    ip link set "$name" up
    if [ "$address" = dhcp ]; then
      busybox udhcpc -q -n -t 20 -T 1 -i "$name" -s /usr/lib/kvm4nfv/dhcp >/dev/null 2>&1 &
    else
      ip address add "$address" dev "$name"
      [ "$gateway" = - ] || ip route replace default via "$gateway" dev "$name"
    fi
  done
done <$run/network

# A listening sshd keeps the host key that it read at its start.
[ "$what" != restore ] || [ ! -f /run/sshd.pid ] || kill -HUP "$(cat /run/sshd.pid)"
read -r id <$run/id
echo "applied $id"
`;

/**
 * Waits on the virtio port `kvm4nfv.control` for lines `restore <seconds.nanoseconds>`, and answers each with what `apply`
 * says, on one line. A read of a port that no host has opened ends at once, so it sleeps until SIGIO says that one has:
 * no timer, nothing wakes up while something is measured. A signal may fall between the read and the sleep: who gets no
 * answer writes the line again. Runs only where the guest has that port.
 */
export const controlScript = `#!/usr/bin/perl
use strict;
use Fcntl;
sysopen my $port, '/dev/virtio-ports/kvm4nfv.control', O_RDWR or die "kvm4nfv.control: $!";
$SIG{IO} = sub { };
fcntl $port, F_SETOWN, $$ + 0 or die "F_SETOWN: $!";
fcntl $port, F_SETFL, O_RDWR | O_ASYNC or die "F_SETFL: $!";
my $text = '';
while (1) {
  my $read = sysread $port, $text, 4096, length $text;
  next if !defined $read && $!{EINTR};
  die "kvm4nfv.control: $!" if !defined $read;
  if ($read == 0) { $text = ''; sleep; next; }
  while ($text =~ s/^([^\\n]*)\\n//) {
    my $line = $1;
    if ($line !~ /^restore (\\d+(?:\\.\\d+)?)$/) { syswrite $port, "unknown $line\\n"; next; }
    my $said = do { open my $apply, '-|', '/bin/sh', '-c', 'exec 2>&1 /usr/lib/kvm4nfv/apply restore "$1"', 'sh', $1 or die $!; local $/; <$apply> } // '';
    my $ok = $said =~ /^(applied .*)$/m ? $1 : undef;
    $said =~ s/\\n/ /g;
    syswrite $port, (defined $ok ? $ok : "failed $said") . "\\n";
  }
}
`;

/** What udhcpc calls with a lease. */
export const dhcpScript = `#!/bin/sh
case $1 in bound | renew) ;; *) exit 0 ;; esac
ip address replace "$ip/$mask" dev "$interface"
for via in \${router:-}; do
  ip route replace default via "$via" dev "$interface"
  break
done
[ -z "\${dns:-}" ] || for server in $dns; do echo "nameserver $server"; done >/etc/resolv.conf
`;

/**
 * PID 1 of the initrd: loads the few modules, mounts the root file system by its label, lets \`apply\` run before systemd
 * (which then finds its machine id, its host name and a configured network), and hands over. A machine without our
 * disk is switched off with a message on the console instead of hanging.
 */
export const initScript = `#!/bin/busybox sh
export PATH=/bin
lost() {
  echo "kvm4nfv initrd: $1"
  busybox poweroff -f
}
busybox mount -t devtmpfs dev /dev
busybox mount -t proc proc /proc
busybox mount -t sysfs sys /sys
for module in /modules/*; do busybox insmod "$module" || echo "kvm4nfv initrd: $module was not loaded"; done
left=1000
until root=$(busybox findfs LABEL=kvm4nfv-root 2>/dev/null); do
  left=$((left - 1))
  [ $left -gt 0 ] || lost 'no virtio disk with a file system labelled kvm4nfv-root'
  busybox usleep 20000
done
busybox mount -t ext4 -o noatime,noinit_itable "$root" /root || lost "can't mount $root"
busybox mount -t tmpfs -o mode=755,nosuid,nodev run /root/run
# What udev would make of modules that load when their node is opened (tun, vhost-net, loop-control ...).
while read -r kind node mode major minor; do
  case $node in */*) busybox mkdir -p "/dev/\${node%/*}" ;; esac
  [ -e "/dev/$node" ] || busybox mknod -m "$mode" "/dev/$node" "$kind" "$major" "$minor"
done </nodes
busybox mkdir -p /root/run/lock
busybox mount --move /dev /root/dev
busybox mount --move /proc /root/proc
busybox mount --move /sys /root/sys
busybox chroot /root /usr/lib/kvm4nfv/apply boot || lost 'the first-boot data could not be applied'
exec busybox switch_root /root /sbin/init "$@"
`;
