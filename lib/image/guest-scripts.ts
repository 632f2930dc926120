/*
 * Constant texts that run inside the guest. Values reach them as files of the first-boot disk, which they read line by
 * line and never evaluate.
 */

/**
 * Takes over what the first-boot disk says, in one of three ways. `boot`: run by our initrd before PID 1. `restore
 * [seconds.nanoseconds]`: after a restore from a saved state, when the disk holds the data of another run, and page cache,
 * clock, random state and keys are those of the guest that was saved; says `applied <id>` at the end. `control`: stays, and
 * waits on the virtio port `kvm4nfv.control` for lines `restore <seconds.nanoseconds>`; it answers each on one line.
 *
 * Perl, and no other program where that can be avoided: under emulation each costs 30 ms and more, and after a restore
 * nothing is translated yet, while whoever waits at the port has been compiled before the guest was saved.
 *
 * A read of a port that no host has opened ends at once, so `control` sleeps until SIGIO says that one has: no timer, nothing
 * wakes up while something is measured. The signal is let in by that sleep alone, or one could be lost just before it.
 */
export const applyScript = `#!/usr/bin/perl
use strict;
use Fcntl;

my $run = '/run/kvm4nfv';
umask 0077;

sub text {
  my ($file) = @_;
  open my $in, '<', $file or return '';
  local $/;
  return scalar(<$in>) // '';
}

sub put {
  my ($file, $text, $mode) = @_;
  open my $out, '>', $file or die "$file: $!\\n";
  print $out $text;
  close $out or die "$file: $!\\n";
  chmod $mode, $file if defined $mode;
}

sub names {
  my ($directory) = @_;
  opendir my $in, $directory or return;
  return grep { !/^\\./ } readdir $in;
}

sub first_line { return (split /\\n/, $_[0])[0] // '' }

sub set_clock {
  my ($seconds, $fraction) = $_[0] =~ /^(\\d+)(?:\\.(\\d{1,9}))?$/ or die "no time: $_[0]\\n";
  # clock_settime(CLOCK_REALTIME, ...) of x86-64.
  syscall(227, 0, pack('qq', $seconds, substr(($fraction // '') . '0' x 9, 0, 9))) == 0 or die "clock: $!\\n";
}

# The files of the tar archive on the first-boot disk, by name.
sub disk_files {
  my ($disk) = grep { first_line(text("/sys/block/$_/serial")) eq 'kvm4nfv-data' } grep { /^vd/ } names('/sys/block');
  defined $disk or die "no first-boot disk (a virtio disk with the serial kvm4nfv-data)\\n";
  open my $in, '<:raw', "/dev/$disk" or die "$disk: $!\\n";
  # BLKFLSBUF: the page cache may still hold the data of the guest that was saved.
  ioctl $in, 0x1261, 0 or die "$disk: BLKFLSBUF: $!\\n";
  read $in, my $archive, 65536;
  my (%files, %modes);
  for (my $at = 0; $at + 512 <= length $archive;) {
    my ($name, $mode, $size) = unpack 'Z100 Z8 x8 x8 Z12', substr $archive, $at, 512;
    last if $name eq '';
    $name =~ /^[a-z0-9_.-]+$/ && $name !~ /^\\./ or die "the first-boot disk holds a file '$name'\\n";
    $size = oct $size;
    $files{$name} = substr $archive, $at + 512, $size;
    $modes{$name} = oct $mode;
    $at += 512 * (1 + int(($size + 511) / 512));
  }
  length($files{id} // '') or die "the first-boot disk holds no data\\n";
  return (\\%files, \\%modes);
}

# Mixed in and credited; the reseed makes guests restored from one state part ways at once.
sub add_entropy {
  my $bytes = pack 'H*', $_[0] =~ s/\\s//gr;
  # RNDADDENTROPY and RNDRESEEDCRNG.
  my $random;
  open($random, '+<', '/dev/random') && ioctl($random, 0x40085203, pack('ii', 8 * length $bytes, length $bytes) . $bytes)
    or return print STDERR "kvm4nfv: no entropy was added: $!\\n";
  my $none = 0;
  ioctl $random, 0x5207, $none;
}

sub keep {
  my ($files, $modes) = @_;
  my $remove = sub { unlink map { "$_[0]/$_" } names($_[0]); rmdir $_[0] };
  $remove->("$run.new");
  mkdir "$run.new" or die "$run.new: $!\\n";
  # Whatever the umask: sshd reads authorized_keys with the rights of who logs in.
  chmod 0711, "$run.new";
  put("$run.new/$_", $files->{$_}, $modes->{$_}) for keys %$files;
  $remove->("$run.old");
  rename $run, "$run.old";
  rename "$run.new", $run or die "$run: $!\\n";
  $remove->("$run.old");
}

sub set_up_network {
  my ($network) = @_;
  my $batch = "link set lo up\\n";
  my @leased;
  for (split /\\n/, $network) {
    my ($mac, $name, $address, $gateway) = split / /;
    my ($is) = grep { first_line(text("/sys/class/net/$_/address")) eq $mac } names('/sys/class/net');
    next if !defined $is;
    $batch .= "link set $is down\\nlink set $is name $name\\n" if $is ne $name;
    $batch .= "address flush dev $name\\nlink set $name up\\n";
    if ($address eq 'dhcp') { push @leased, $name; next; }
    $batch .= "address add $address dev $name\\n";
    $batch .= "route replace default via $gateway dev $name\\n" if $gateway ne '-';
  }
  open my $ip, '|-', 'ip', '-batch', '-' or die "ip: $!\\n";
  print $ip $batch;
  close $ip or die "ip could not set up the network\\n";
  system 'sh', '-c', 'busybox udhcpc -q -n -t 20 -T 1 -i "$1" -s /usr/lib/kvm4nfv/dhcp >/dev/null 2>&1 &', 'sh', $_
    for @leased;
}

# From OpenSSH 9.8 on, a session gets the host key that the listening sshd read at its start; before, it reads it itself.
# While it starts anew it listens to nobody, and a connection made just then can hang: it writes its pid once it listens.
sub restart_sshd {
  my $file = '/run/sshd.pid';
  my $pid = first_line(text($file)) || return;
  unlink $file;
  kill 'HUP', $pid;
  for (1 .. 1000) { return if -s $file; select undef, undef, undef, 0.01 }
}

sub apply {
  my ($restored) = @_;
  my ($files, $modes) = disk_files();
  my $network = $files->{network} // '';
  # Cards and addresses outlive a save; a lease was the other guest's.
  my $settled = $restored && $network eq text("$run/network") && $network !~ / dhcp /;
  add_entropy(delete $files->{entropy} // '');
  keep($files, $modes);
  put('/etc/machine-id', $files->{'machine-id'}, 0444);
  my $host = first_line($files->{hostname});
  put('/etc/hostname', "$host\\n", 0644);
  put('/proc/sys/kernel/hostname', $host);
  put('/etc/hosts', "127.0.0.1 localhost\\n127.0.1.1 $host\\n::1 localhost\\n", 0644);
  put('/etc/resolv.conf', $files->{'resolv.conf'}, 0644) if length($files->{'resolv.conf'} // '');
  set_up_network($network) if !$settled;
  restart_sshd() if $restored && -e '/usr/lib/openssh/sshd-session';
  return first_line($files->{id});
}

sub restore {
  my ($now) = @_;
  set_clock($now) if defined $now;
  return apply(1);
}

sub control {
  sysopen my $port, '/dev/virtio-ports/kvm4nfv.control', O_RDWR or die "kvm4nfv.control: $!";
  $SIG{IO} = sub { };
  # rt_sigprocmask(SIG_BLOCK, {SIGIO}) and, below, rt_sigsuspend({}) of x86-64: the module POSIX would be slow to load.
  my ($sigio, $none) = (pack('Q', 1 << 28), pack('Q', 0));
  syscall(14, 0, $sigio, 0, 8) == 0 or die "rt_sigprocmask: $!";
  fcntl $port, F_SETOWN, $$ + 0 or die "F_SETOWN: $!";
  fcntl $port, F_SETFL, O_RDWR | O_ASYNC or die "F_SETFL: $!";
  my $line = '';
  while (1) {
    my $read = sysread $port, $line, 4096, length $line;
    die "kvm4nfv.control: $!" if !defined $read;
    if ($read == 0) { $line = ''; syscall 130, $none, 8; next; }
    while ($line =~ s/^([^\\n]*)\\n//) {
      my $asked = $1;
      my $said = "unknown $asked";
      if ($asked =~ /^restore (\\d+(?:\\.\\d+)?)$/) {
        my $now = $1;
        my $id = eval { restore($now) };
        $said = defined $id ? "applied $id" : 'failed ' . ($@ =~ s/\\s+/ /gr);
      }
      syswrite $port, "$said\\n";
    }
  }
}

my ($what, $now) = @ARGV;
if ($what eq 'control') { control() }
else { print 'applied ', $what eq 'boot' ? apply(0) : restore($now), "\\n" }
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
