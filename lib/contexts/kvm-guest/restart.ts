import { setTimeout as sleep } from 'node:timers/promises';
import type { Host } from '../../host/host.js';
import { Patience, slownessOf } from '../../host/patience.js';
import { domainXml } from '../../libvirt/domain/domain-xml.js';
import type { DomainOptions } from '../../libvirt/domain/spec.js';
import type { Hypervisor } from '../../libvirt/hypervisor.js';
import type { ExternalCommandLine } from '../../tuning/bootloader.js';
import { domainOptions, type GuestDefinition, type GuestIdentity } from './domain.js';

const powerOffWithin = 120_000;

/** Asks the guest to power off, so that its file systems are whole; ends it where it does not. It has its own deadline, since it also puts things back after an interruption. */
const powerOff = async ({ sut, host, hypervisor, identity: { name } }: RestartSetting): Promise<void> => {
  await sut.exec(['systemctl', 'poweroff'], { check: false, timeout: 30_000 }).catch(() => undefined);
  for (const patience = new Patience(powerOffWithin, () => slownessOf(host)); await patience.more();) {
    if ((await hypervisor.lookup(name)) === undefined) return;
    await sleep(200);
  }
  await hypervisor.destroy(name);
};

export interface RestartSetting {
  readonly sut: Host;
  /** That it runs on. */
  readonly host: Host;
  readonly hypervisor: Hypervisor;
  readonly definition: GuestDefinition;
  readonly identity: GuestIdentity;
  /** Writes the guest's data anew, for the MAC address that it has when it is booted. */
  readonly writeSeed: () => Promise<unknown>;
  /** Told when the QEMU of before is about to end, and when the new one runs. */
  readonly restarting: (is: boolean) => void;
  /** Told once the new one answers. */
  readonly rebooted: (domain: DomainOptions) => Promise<void>;
}

/** The kernel command line of a guest that is booted directly: it stands in the domain, so the guest is started anew with it. */
export const directCommandLine = (setting: RestartSetting): ExternalCommandLine | undefined => {
  const { hypervisor, definition, identity, writeSeed, restarting, rebooted } = setting;
  const { boot } = definition.source;
  if (boot === undefined) return undefined;
  let cmdline = boot.cmdline;
  const domain = (): DomainOptions => ({ ...domainOptions(definition, identity), boot: { ...boot, cmdline } });
  return {
    configured: () => Promise.resolve(cmdline),
    set: (text) => {
      cmdline = text;
      return Promise.resolve();
    },
    reboot: async () => {
      restarting(true);
      await powerOff(setting);
      await writeSeed();
      // Not to be interrupted: libvirtd would go on without us, and start the guest after it was looked for.
      await hypervisor.create(domainXml(domain()));
      restarting(false);
    },
    rebooted: () => rebooted(domain()),
  };
};
