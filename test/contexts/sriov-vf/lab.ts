import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import type { Deployment } from '../../../lib/contexts/context.js';
import { sriovVf } from '../../../lib/contexts/sriov-vf/index.js';
import { readFacts, type HostFacts } from '../../../lib/host/facts.js';
import type { Host } from '../../../lib/host/host.js';
import { localHost } from '../../../lib/host/local.js';
import { startVirtualHost } from '../../../lib/lab/start.js';
import { savedState } from '../../../lib/lab/state.js';
import type { VirtualHost } from '../../../lib/lab/virtual-host.js';
import type { VirtualHostInput } from '../../../lib/lab/options.js';
import { labDefinition } from '../../lab/lab.js';

/** All state of PCI devices, interfaces, VFs, libvirt, journals and leases of a host. */
const snapshotScript = `
export LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"
udevadm settle --timeout=30
for device in /sys/bus/pci/devices/*; do
  printf '%s driver=%s override=%s\\n' "\${device##*/}" "$(readlink "$device/driver")" "$(cat "$device/driver_override")"
  for file in sriov_numvfs sriov_drivers_autoprobe; do [ ! -e "$device/$file" ] || printf ' %s=%s\\n' "$file" "$(cat "$device/$file")"; done
  for net in "$device"/net/*; do
    [ -e "$net" ] && printf ' %s mtu=%s up=%s mac=%s\\n' "\${net##*/}" "$(cat "$net/mtu")" "$(($(cat "$net/flags") & 1))" "$(cat "$net/address")"
  done
done
ip link show | sed -n 's/^ *\\(vf .*\\)/\\1/p'
ip -4 -br address show | sort
ip netns list
virsh -q -c qemu:///system list --all --uuid
ls -R /var/lib/kvm4nfv /run/lock/kvm4nfv /var/tmp/kvm4nfv 2>/dev/null
exit 0
`;

export interface DeployOptions {
  readonly run?: string;
  readonly name?: string;
  readonly progress?: (stage: string) => void;
}

/** Deploys VFs of an emulated host, files of the run going to `directory`. */
export const deployOn = (
  host: Host,
  facts: HostFacts,
  directory: string,
  options: object,
  { run = 'run-1', name = 'vf', progress = () => undefined }: DeployOptions = {},
): Promise<Deployment> => {
  const signal = AbortSignal.timeout(20 * 60_000);
  return sriovVf.deploy(sriovVf.options.parse(options), { run, name, host, facts, signal, directory, progress });
};

/** An emulated host that VFs are tried on. */
export class Dut implements AsyncDisposable {
  readonly machine: VirtualHost;
  readonly host: Host;
  readonly facts: HostFacts;

  constructor(machine: VirtualHost, host: Host, facts: HostFacts) {
    this.machine = machine;
    this.host = host;
    this.facts = facts;
  }

  /** Started from its saved state; or why there is none. */
  static async start(input: VirtualHostInput = {}): Promise<Dut | string> {
    const local = localHost();
    const definition = await labDefinition(local, input);
    if (typeof definition === 'string') return definition;
    const run = `vftest-${randomUUID().slice(0, 8)}`;
    const state = await savedState(local, definition, { run });
    const machine = await startVirtualHost(local, definition, { run, name: 'dut', state });
    const host = await machine.connect();
    return new Dut(machine, host, await readFacts(host));
  }

  /** The same for tests, which are skipped where there is none. */
  static async needed(context: Mocha.Context, input: VirtualHostInput = {}): Promise<Dut> {
    const started = await Dut.start(input);
    if (typeof started !== 'string') return started;
    console.log(`    skipped: ${started}`);
    return context.skip();
  }

  /** Files of runs on it. */
  get directory(): string {
    return `${tmpdir()}/${this.machine.run}`;
  }

  deploy(
    options: object,
    { host = this.host, ...rest }: DeployOptions & { readonly host?: Host } = {},
  ): Promise<Deployment> {
    return deployOn(host, this.facts, this.directory, options, rest);
  }

  async sweep(run = 'run-1'): Promise<readonly string[]> {
    return (await sriovVf.sweep?.(this.host, run, AbortSignal.timeout(5 * 60_000))) ?? [];
  }

  async snapshot(): Promise<string> {
    return this.sh(snapshotScript);
  }

  async sh(script: string, ...values: readonly string[]): Promise<string> {
    return (await this.host.exec(['sh', '-c', script, 'sh', ...values], { timeout: 300_000 })).stdout.trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.host[Symbol.asyncDispose]();
    await this.machine[Symbol.asyncDispose]();
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** A controller that dies: of the commands it gives, those from number `last` on are never sent, and nothing is undone. */
export const dyingBefore = (host: Host, last: number): { readonly host: Host; readonly dead: Promise<void> } => {
  let given = 0;
  let die: () => void = () => undefined;
  const dead = new Promise<void>((resolve) => {
    die = resolve;
  });
  const exec: Host['exec'] = (argv, options) => {
    if (given++ < last) return host.exec(argv, options);
    die();
    return new Promise(() => undefined);
  };
  return {
    host: new Proxy(host, {
      get: (target, key): unknown => (key === 'exec' ? exec : Reflect.get(target, key, target)),
    }),
    dead,
  };
};

/** Six VFs of others on ens101: one of each way to be in use, number 5 free. */
export const tenants = `set -e
pf=/sys/bus/pci/devices/0000:41:00.0
ip link set ens101 up
printf 6 >"$pf/sriov_numvfs"
udevadm settle --timeout=30
modprobe vfio-pci
vf=0000:41:10.0
printf '%s\\n' vfio-pci >"/sys/bus/pci/devices/$vf/driver_override"
printf %s "$vf" >"/sys/bus/pci/devices/$vf/driver/unbind"
printf %s "$vf" >/sys/bus/pci/drivers_probe
file=$(mktemp)
cat >"$file" <<'XML'
<domain type='qemu'><name>tenant</name><memory unit='MiB'>64</memory><vcpu>1</vcpu><os><type arch='x86_64' machine='q35'>hvm</type></os>
<devices><interface type='hostdev' managed='yes'><source><address type='pci' domain='0x0000' bus='0x41' slot='0x10' function='0x2'/></source></interface></devices></domain>
XML
virsh -q -c qemu:///system define "$file"
rm "$file"
ip netns add tenant
ip link set dev ens101v2 netns tenant
ip link set dev ens101v3 up
ip address add 192.0.2.77/24 dev ens101v4
ip link set dev ens101 vf 1 mac 52:54:00:aa:00:01 vlan 7
`;
