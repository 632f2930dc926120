/**
 * What is run on the host, each a constant text with its values as positional parameters. `$1` is always a PCI address:
 * interfaces are renamed by udev and by others, devices are not.
 */
const head = `export LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"
device=/sys/bus/pci/devices/$1
netdev() { for path in "$1"/net/*; do [ -e "$path" ] && { printf '%s' "\${path##*/}"; return 0; }; done; return 1; }
settle() { udevadm settle --timeout=10 2>/dev/null || :; }
driver() { [ ! -e "$1/driver" ] || { path=$(readlink "$1/driver"); printf '%s' "\${path##*/}"; }; }
# Processes that hold the device through VFIO. Unbinding it, or removing it, would wait for them in the kernel.
holders() {
  group=$(readlink "$1/iommu_group"); set -- "$1" "/dev/vfio/\${group##*/}"
  for path in "$1"/vfio-dev/*; do [ -e "$path" ] && set -- "$@" "/dev/vfio/devices/\${path##*/}"; done
  shift
  for file; do find /proc/[0-9]*/fd -lname "$file" 2>/dev/null; done |
    while IFS=/ read -r _ _ pid _; do printf '%s (%s) ' "$pid" "$(cat "/proc/$pid/comm" 2>/dev/null)"; done
}
# A process that was just ended closes its files a moment later.
released() {
  for _ in 1 2 3 4 5 6 7 8 9 10; do held=$(holders "$1"); [ -z "$held" ] && return 0; sleep 0.5; done
  printf '%s is in use by process %s' "\${1##*/}" "$held"; return 1
}
`;

/** `$2` the driver to have, or nothing; `$3` what driver_override then says, or nothing. */
export const bindScript = `${head}
[ -e "$device" ] || { printf '%s is not there' "$1"; exit 1; }
said=
case $2 in '') ;; kernel) modprobe -q -- "$(cat "$device/modalias")" ;; *) modprobe -q -- "$2" ;; esac
now=$(driver "$device")
if [ -n "$now" ] && [ "$now" != "$2" ]; then
  released "$device" || exit 1
  printf '%s' "$1" >"$device/driver/unbind" || exit 1
fi
printf '%s\\n' "$3" >"$device/driver_override" || exit 1
if [ -n "$2" ] && [ "$now" != "$2" ]; then
  # The outcome is looked at below: somebody else, such as udev, may have bound it meanwhile.
  case $2 in kernel) file=/sys/bus/pci/drivers_probe ;; *) file=/sys/bus/pci/drivers/$2/bind ;; esac
  said=$({ printf '%s' "$1" | cat >"$file"; } 2>&1)
  settle
fi
now=$(driver "$device")
case $2 in
kernel) [ -n "$now" ] || { printf 'no driver of this kernel takes %s (PCI id %s:%s)' "$1" "$(cat "$device/vendor")" "$(cat "$device/device")"; exit 1; } ;;
*) [ "$now" = "$2" ] || { printf '%s has the driver %s and not %s: %s' "$1" "\${now:-none}" "\${2:-none}" "$said"; exit 1; } ;;
esac
`;

/** Creates `$2` VFs on a PF that has none. */
export const createScript = `${head}
[ "$(cat "$device/sriov_numvfs")" = 0 ] || { printf 'VFs were made on %s meanwhile' "$1"; exit 1; }
said=$({ printf '%s' "$2" >"$device/sriov_numvfs"; } 2>&1); status=$?
settle
[ "$status" = 0 ] || printf '%s' "$said"
exit "$status"
`;

/** Removes the VFs that {@link createScript} made, unless somebody uses one: then it says who, and removes none. */
export const removeScript = `${head}
for link in "$device"/virtfn*; do
  [ -e "$link" ] || continue
  name=$(readlink "$link"); name=\${name##*/}; vf=/sys/bus/pci/devices/$name
  released "$vf" || exit 1
  now=$(driver "$vf")
  case $now in vfio-pci | uio_pci_generic | igb_uio) printf '%s is bound to %s by somebody' "$name" "$now"; exit 1 ;; esac
  [ -n "$now" ] || continue
  interface=$(netdev "$vf") || { printf 'the interface of %s is in another network namespace' "$name"; exit 1; }
  [ $(($(cat "$vf/net/$interface/flags") & 1)) = 0 ] || { printf 'the interface %s of %s is in use' "$interface" "$name"; exit 1; }
done
printf 0 >"$device/sriov_numvfs" || exit 1
settle
`;

/** Prints one setting, `$3`, of VF number `$2` of a PF: from the text that every iproute2 prints. */
export const vfFieldScript = `${head}
interface=$(netdev "$device") || exit 3
line=$(ip link show dev "$interface" | sed -n "s/^ *vf $2 //p") || exit 3
[ -n "$line" ] || exit 3
take() { printf '%s\\n' "$line" | sed -n "s/.*$1.*/\\\\1/p"; }
case $3 in
mac) value=$(take '\\(\\([0-9a-fA-F]\\{2\\}:\\)\\{5\\}[0-9a-fA-F]\\{2\\}\\) brd'); [ -n "$value" ] || value=$(take 'MAC \\([0-9a-fA-F:]\\{17\\}\\)') ;;
vlan) value=$(take ', vlan \\([0-9][0-9]*\\)') ;;
qos) value=$(take ', qos \\([0-9][0-9]*\\)') ;;
trust) value=$(take ', trust \\(on\\|off\\)') ;;
spoofchk) value=$(take 'spoof checking \\(on\\|off\\)') ;;
state) value=$(take 'link-state \\([a-z]*\\)') ;;
max) value=$(take 'max_tx_rate \\([0-9]*\\)Mbps') ;;
min) value=$(take 'min_tx_rate \\([0-9]*\\)Mbps') ;;
esac
printf '%s\\n' "\${value:-0}"
`;

/** Prints whether VF number `$2` of a PF has the MAC `$3`: `ours`, or else `other`. */
export const vfHasMacScript = `${head}
interface=$(netdev "$device") || exit 3
if ip link show dev "$interface" | grep -q "^ *vf $2 .*$3"; then echo ours; else echo other; fi
`;

/** Gives VF number `$2` of a PF the settings that follow, as `ip link set dev PF vf NUMBER` takes them. */
export const vfSetScript = `${head}
interface=$(netdev "$device") || { printf 'no interface of %s is seen here' "$1"; exit 1; }
number=$2; shift 2
exec ip link set dev "$interface" vf "$number" "$@"
`;

/** Puts the MAC `$3` of VF number `$2` of a PF back; `$4` is the VF, whose interface takes it over when it is made anew. */
export const vfMacScript = `${head}
interface=$(netdev "$device") || { printf 'no interface of %s is seen here' "$1"; exit 1; }
ip link set dev "$interface" vf "$2" mac "$3" || exit 1
vf=/sys/bus/pci/devices/$4; now=$(driver "$vf")
case $now in '' | vfio* | *uio*) exit 0 ;; esac
printf '%s' "$4" >"$vf/driver/unbind" && printf '%s' "$4" >"/sys/bus/pci/drivers/$now/bind" || exit 1
settle
`;

/** Prints `up 1500` or `down 1500`; `absent` for a device without an interface. */
export const linkScript = `${head}
interface=$(netdev "$device") || { printf 'absent\\n'; exit; }
state=down; [ $(($(cat "$device/net/$interface/flags") & 1)) = 0 ] || state=up
printf '%s %s\\n' "$state" "$(cat "$device/net/$interface/mtu")"
`;

/** Prints `up` or `not-up`, the latter too for a device without an interface. */
export const upScript = `${head}
state=not-up
interface=$(netdev "$device") && [ $(($(cat "$device/net/$interface/flags") & 1)) = 1 ] && state=up
echo "$state"
`;

/** Prints `none`, the name of a driver for user space, or `kernel` for any other driver. */
export const driverScript = `${head}
now=$(driver "$device")
case $now in '') echo none ;; vfio* | *uio*) printf '%s\\n' "$now" ;; *) echo kernel ;; esac
`;

/** `$2` up or down, `$3` MTU or nothing, `$4` an address to have or nothing. Going down, it loses its addresses. */
export const linkSetScript = `${head}
interface=$(netdev "$device") || { printf 'no interface of %s is seen here' "$1"; exit 1; }
[ -z "$3" ] || [ "$(cat "$device/net/$interface/mtu")" = "$3" ] || ip link set dev "$interface" mtu "$3" || exit 1
[ "$2" = up ] || ip address flush dev "$interface" scope global 2>/dev/null
ip link set dev "$interface" "$2" || exit 1
[ -z "$4" ] || ip address replace "$4" dev "$interface"
`;

/** Prints whether network namespace `$1` is there. */
export const namespaceScript = `export PATH="$PATH:/usr/sbin:/sbin"
ip netns list | while read -r name _; do [ "$name" != "$1" ] || echo present; done | grep present || echo absent
`;

/** Prints whether the interface of a device is `inside` namespace `$2`. */
export const whereScript = `${head}
if ip netns exec "$2" ls "$device/net" 2>/dev/null | grep -q .; then echo inside; else echo outside; fi
`;

/** Moves the interface of a device into namespace `$2`, up, with address `$3` where that is given. */
export const moveScript = `${head}
interface=$(netdev "$device") || { printf 'no interface of %s is seen here' "$1"; exit 1; }
ip link set dev "$interface" netns "$2" && ip -n "$2" link set dev lo up && ip -n "$2" link set dev "$interface" up || exit 1
[ -z "$3" ] || ip -n "$2" address replace "$3" dev "$interface"
`;

/** Moves the interface of a device back from namespace `$2`. */
export const moveBackScript = `${head}
netdev "$device" >/dev/null && exit 0
interface=$(ip netns exec "$2" ls "$device/net") || exit 1
exec ip -n "$2" link set dev "$interface" netns $$
`;

/** Waits until a PF's interface has a carrier; a NIC negotiates for some seconds. `$2` tenths of a second. */
export const carrierScript = `${head}
interface=$(netdev "$device") || exit 3
left=$2
while [ "$left" -gt 0 ]; do
  [ "$(cat "$device/net/$interface/carrier" 2>/dev/null)" != 1 ] || { echo carrier; exit 0; }
  sleep 0.1; left=$((left - 1))
done
echo none
`;

/** In a guest: brings the interface with MAC `$1` up, with address `$2` where that is given; prints its name. */
export const guestUpScript = `export PATH="$PATH:/usr/sbin:/sbin"
left=100
while :; do
  for path in /sys/class/net/*; do
    [ "$(cat "$path/address")" = "$1" ] && [ -e "$path/device" ] || continue
    interface=\${path##*/}
    ip link set dev "$interface" up || exit 1
    [ -z "$2" ] || ip address replace "$2" dev "$interface" || exit 1
    printf '%s\\n' "$interface"
    exit 0
  done
  left=$((left - 1)); [ "$left" -gt 0 ] || exit 4
  sleep 0.1
done
`;

/**
 * Where the interface with MAC `$1` is: pings `$2` through it, which may take a while until the line is up, and prints how many
 * of three echoes were answered.
 */
export const pingScript = `export LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"
for path in /sys/class/net/*; do [ "$(cat "$path/address")" = "$1" ] && [ -e "$path/device" ] && interface=\${path##*/}; done
[ -n "\${interface-}" ] || { printf 'no interface has the MAC %s' "$1" >&2; exit 3; }
ping=ping; command -v ping >/dev/null || ping='busybox ping'
left=30
until $ping -q -c 1 -W 1 -I "$interface" "$2" >/dev/null; do left=$((left - 1)); [ "$left" -gt 0 ] || { echo 0; exit; }; sleep 0.2; done
$ping -q -c 3 -W 5 -I "$interface" "$2" | sed -n 's/.* transmitted, \\([0-9]*\\) .*/\\1/p'
`;

/** Every netdev of other network namespaces, a line each: the namespace, a blank, the JSON of `ip -j -d link show`. */
export const namespacesScript = `export PATH="$PATH:/usr/sbin:/sbin"
ip netns list 2>/dev/null | while read -r name _; do
  printf '%s ' "$name"; ip -n "$name" -j -d link show 2>/dev/null | tr -d '\\n'; echo
done
`;

/** Links of all PCI devices, and where each is in the tree. */
export const linksScript = `find /sys/bus/pci/devices -maxdepth 1 -type l -printf '%p %l\\n'
find /sys/bus/pci/devices/*/ -maxdepth 1 -type l \\( -name driver -o -name 'virtfn*' -o -name physfn -o -name iommu_group \\) -printf '%p %l\\n'
`;

/** Who holds devices through VFIO: `PID COMMAND FILE`. */
export const vfioScript = `find /proc/[0-9]*/fd -lname '/dev/vfio/*' -printf '%p %l\\n' 2>/dev/null |
while read -r path file; do pid=\${path#/proc/}; pid=\${pid%%/*}; printf '%s %s %s\\n' "$pid" "$(tr ' ' _ <"/proc/$pid/comm")" "$file"; done
`;

/** Documents of all domains of the system's libvirt, running or not, parted by a line of one RS character. */
export const domainsScript = `command -v virsh >/dev/null || exit 0
for socket in /run/libvirt/virtqemud-sock /run/libvirt/libvirt-sock; do
  [ -S "$socket" ] || continue
  for uuid in $(virsh -q -c qemu:///system list --all --uuid); do virsh -q -c qemu:///system dumpxml "$uuid"; printf '\\036\\n'; done
  exit 0
done
`;

/** Whether vfio-pci can be had. */
export const vfioPresentScript = `PATH="$PATH:/usr/sbin:/sbin"
if [ -d /sys/bus/pci/drivers/vfio-pci ] || modprobe -n -q vfio-pci; then echo yes; else echo no; fi
`;
