import { parseCpuList } from '../../host/cpu-list.js';
import { Kvm4nfvError } from '../../error.js';
import { optional } from '../optional.js';
import type { DomainInfo, DomainState, DomainSummary, InterfaceAddress, Pinning, Versions } from '../types.js';

const lines = (text: string): readonly string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');

const unreadable = (command: string, line: string): Kvm4nfvError =>
  new Kvm4nfvError('E_LIBVIRT_OUTPUT', `virsh ${command}: can't read '${line}'`, {
    hint: 'report this with the version of virsh',
  });

/** Reads `virsh -q list --all --uuid --id --name`: one domain a line, in that order whatever that of the options. */
export const parseDomainList = (text: string): readonly DomainSummary[] =>
  lines(text).map((line) => {
    const match = /^([0-9a-f-]{36})\s+(\d+|-)\s+(.+)$/.exec(line);
    if (match?.[1] === undefined || match[3] === undefined) throw unreadable('list', line);
    return { name: match[3], uuid: match[1], ...optional('id', match[2] === '-' ? undefined : Number(match[2])) };
  });

/** `vcpupin` and `iothreadinfo`, quiet: a number and a CPU list a line. */
const parsePins = (text: string): ReadonlyMap<number, readonly number[]> =>
  new Map(
    lines(text)
      .filter((line) => !line.startsWith('No IOThreads'))
      .map((line) => {
        const match = /^(\d+)\s*:?\s+([\d,-]+)$/.exec(line);
        if (match === null) throw unreadable('vcpupin', line);
        return [Number(match[1]), parseCpuList(match[2] ?? '')];
      }),
  );

/** Reads what `vcpupin`, `emulatorpin` and `iothreadinfo` print when quiet. */
export const parsePinning = (vcpus: string, emulator: string, iothreads: string): Pinning => {
  const line = lines(emulator).at(-1) ?? '';
  const match = /^(?:\*\s*:\s*)?([\d,-]+)$/.exec(line);
  if (match?.[1] === undefined) throw unreadable('emulatorpin', line);
  return { vcpus: parsePins(vcpus), emulator: parseCpuList(match[1]), iothreads: parsePins(iothreads) };
};

/** Reads quiet `virsh domifaddr`: `-` stands for the same interface as in the line before. */
export const parseInterfaceAddresses = (text: string): readonly InterfaceAddress[] => {
  const found: InterfaceAddress[] = [];
  for (const line of lines(text)) {
    const [name = '', mac = '', family = '', address = ''] = line.split(/\s+/);
    const [ip = '', prefix] = address.split('/');
    if (family !== 'ipv4' && family !== 'ipv6') {
      if (family === 'N/A') continue;
      throw unreadable('domifaddr', line);
    }
    const previous = found.at(-1);
    const hardware =
      mac === '-' ? previous?.mac : /^[\da-f]{2}(?::[\da-f]{2}){5}$/i.test(mac) ? mac.toLowerCase() : undefined;
    found.push({
      interface: name === '-' ? (previous?.interface ?? '') : name,
      ...optional('mac', hardware),
      family,
      address: ip,
      prefix: Number(prefix ?? (family === 'ipv4' ? 32 : 128)),
    });
  }
  return found;
};

const states: Readonly<Record<string, DomainState>> = {
  'no state': 'nostate',
  running: 'running',
  idle: 'blocked',
  paused: 'paused',
  'in shutdown': 'shutdown',
  'shut off': 'shutoff',
  crashed: 'crashed',
  pmsuspended: 'pmsuspended',
};

/** Reads `virsh dominfo`. */
export const parseDomainInfo = (text: string): DomainInfo => {
  const field = (name: string): string | undefined =>
    lines(text)
      .find((line) => line.startsWith(`${name}:`))
      ?.slice(name.length + 1)
      .trim();
  const kibibytes = (name: string): number => Number.parseInt(field(name) ?? '0', 10) * 1024;
  const state = states[field('State') ?? ''];
  if (state === undefined) throw unreadable('dominfo', text.trim());
  return {
    state,
    maxMemory: kibibytes('Max memory'),
    memory: kibibytes('Used memory'),
    vcpus: Number(field('CPU(s)')),
    cpuTime: Math.round(Number.parseFloat(field('CPU time') ?? '0') * 1e9),
  };
};

/** Reads `virsh version --daemon`. */
export const parseVersions = (text: string): Versions => {
  const library = /^Using library: \S+ (\S+)$/m.exec(text)?.[1];
  const running = /^Running hypervisor: (\S+) (\S+)$/m.exec(text);
  if (library === undefined || running?.[1] === undefined || running[2] === undefined)
    throw unreadable('version', text.trim());
  const daemon = /^Running against daemon: (\S+)$/m.exec(text)?.[1];
  return { library, driver: running[1], hypervisor: running[2], ...optional('daemon', daemon) };
};
