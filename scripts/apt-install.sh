#!/usr/bin/env bash
# As root: apt-install.sh NEEDED... -- WELCOME...
# Installs Debian packages, the welcome ones where the package sources have them. The machine belongs to its user:
# no service that comes with a package is started, nor enabled for the next boot.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

policy=/usr/sbin/policy-rc.d
saved=$policy.kvm4nfv-saved
mark='# kvm4nfv: for the time of an installation'
log=$(mktemp)

needed=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do needed+=("$1"); shift; done
[ $# -eq 0 ] || shift
welcome=("$@")

put_policy_back() {
  if grep -qxF "$mark" "$policy" 2>/dev/null; then rm -f "$policy"; fi
  if [ -e "$saved" ]; then mv -f "$saved" "$policy"; fi
}

forbid_starting() {
  if [ -e "$policy" ]; then mv "$policy" "$saved"; fi
  printf '#!/bin/sh\n%s\nexit 101\n' "$mark" >"$policy.new"
  chmod 755 "$policy.new"
  mv "$policy.new" "$policy"
}

units_enabled() {
  find /etc/systemd/system -type l \( -path '*.wants/*' -o -path '*.requires/*' \) -printf '%f\n' 2>/dev/null | sort -u || true
}

try() {
  local attempt
  for attempt in 1 2 3; do
    if "$@" >"$log" 2>&1; then return 0; fi
    [ "$attempt" -eq 3 ] || sleep $((attempt * 3))
  done
  tail -n 40 "$log" >&2
  return 1
}

apt() { apt-get -q -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@"; }

known() { apt-cache policy "$1" 2>/dev/null | grep '^  Candidate: [^(]' >/dev/null; }

all_known() {
  local name
  for name in "$@"; do known "$name" || return 1; done
}

install() { apt install --yes --no-install-recommends -- "$@"; }

# Old lists name files that the mirror has no longer.
install_or_update_first() { install "$@" || { apt update && install "$@"; }; }

mkdir -p /run/lock
exec 9>/run/lock/kvm4nfv-setup.lock
flock --wait 900 9 || { echo 'apt-install: another installation has held its lock for 15 minutes' >&2; exit 1; }

# What an earlier installation could not put back, because it was killed.
put_policy_back
before=$(units_enabled)
trap 'put_policy_back; rm -f "$log"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
forbid_starting

if ! all_known "${needed[@]}"; then try apt update; fi
packages=()
for name in "${needed[@]}"; do
  known "$name" || { echo "apt-install: the package sources of this machine have no $name" >&2; exit 1; }
  packages+=("$name")
done
for name in "${welcome[@]}"; do
  if known "$name"; then packages+=("$name"); else echo "apt-install: no $name in the package sources: left out" >&2; fi
done
if [ ${#packages[@]} -gt 0 ]; then try install_or_update_first "${packages[@]}"; fi

mapfile -t fresh < <(comm -13 <(echo "$before") <(units_enabled))
if [ ${#fresh[@]} -gt 0 ] && command -v systemctl >/dev/null; then
  systemctl disable --quiet "${fresh[@]}" 2>/dev/null || echo "apt-install: could not disable ${fresh[*]}" >&2
fi
