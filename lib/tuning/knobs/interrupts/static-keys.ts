import * as z from 'zod';
import { defineKnob } from '../../knob.js';
import { command } from '../../reading.js';
import { cpuList, lacking } from '../common.js';
import { start } from '../units.js';

const unit = 'kvm4nfv-timestamps.service';

/** A socket that asks for time stamps, held open: SOL_SOCKET is 1 and SO_TIMESTAMP 29 on x86 and arm64. */
const program =
  'use Socket; socket(my $s, PF_INET, SOCK_DGRAM, 0) or die $!; setsockopt($s, 1, 29, pack("i", 1)) or die $!; sleep 3600 while 1';

export const staticKeys = defineKnob({
  name: 'timestamp-key',
  group: 'performance',
  summary: "The kernel's switch for time stamps of packets is held on, by a socket of ours that asks for them.",
  why: 'The first socket that asks for time stamps, and the last that goes (a PTP or NTP daemon, a capture), make the kernel patch its code, which interrupts every CPU, isolated ones included.',
  costs: 'An interrupt of several microseconds on each CPU, whenever some program starts or ends.',
  source: 'Documentation/staging/static-keys.rst; the rtentsk plug-in of tuned',
  mend: 'Keep a program running that has a socket with SO_TIMESTAMP.',
  value: z.literal('held'),
  reads: () => [
    command('systemctl', 'is-active', unit),
    command('systemctl', 'is-system-running'),
    command('perl', '-v'),
  ],
  items: ({ machine }, now) => {
    const exit = (...argv: string[]): number => now.commands.get(`command ${argv.join('\0')}`)?.exitCode ?? 127;
    const told = now.commands.get('command systemctl\0is-system-running')?.stdout.trim();
    if (
      exit('systemctl', 'is-system-running') === 127 ||
      told === undefined ||
      ['', 'offline', 'unknown'].includes(told)
    )
      return [lacking('time stamps', 'systemd does not run here, and so nobody keeps the socket open')];
    if (exit('perl', '-v') !== 0) return [lacking('time stamps', 'perl is not installed')];
    return [start(unit, ['systemd-run', '--quiet', '--collect', `--unit=${unit}`, `--property=CPUAffinity=${cpuList(machine.housekeeping)}`, 'perl', '-e', program])]; // prettier-ignore
  },
});
