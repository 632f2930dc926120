import { raiseVirtualHost } from '../../contexts/kvm-guest/virtual-host.js';
import { Kvm4nfvError } from '../../error.js';
import { localHost } from '../../host/local.js';
import { runOnTerminal } from '../../host/terminal.js';
import type { Host } from '../../host/host.js';
import { attachVirtualHost, listVirtualHosts, removeVirtualHost } from '../../lab/find.js';
import { checkMachineName } from '../../lab/instance.js';
import { virtualHostSchema, type VirtualHostOptions } from '../../lab/options.js';
import { renderTable } from '../../report/table.js';
import { keyAndText, valueOf } from '../../suite/given.js';
import { without } from '../../suite/record.js';
import { checked } from '../checked.js';
import { labRun as run } from '../host.js';
import { Interrupt } from '../interrupt.js';
import { print, printJson, warn } from '../output.js';

export type LabAction = 'up' | 'ssh' | 'down' | 'list';

export interface LabFlags {
  readonly name: string;
  readonly option?: readonly string[];
  readonly json: boolean;
}

/** `ports=4` or `dmi.product=X`, as in a suite. */
const optionsOf = (given: readonly string[]): VirtualHostOptions => {
  const written: Record<string, unknown> = {};
  for (const text of given) {
    const [key, value] = keyAndText('--option', text, 'key=value', 'ports=4');
    written[key] = valueOf(`--option ${key}`, value);
  }
  return checked('--option', virtualHostSchema, written, 'kvm4nfv list kvm-guest shows the options');
};

const up = async (host: Host, { name, option = [], json }: LabFlags, signal: AbortSignal): Promise<number> => {
  const machines = await listVirtualHosts(host, { signal });
  const already = machines.find((machine) => machine.run === run && machine.name === name);
  if (already !== undefined)
    throw new Kvm4nfvError('E_ARGUMENT', `there is an emulated host '${name}' already (${already.state})`, {
      hint: `${already.state === 'running' ? `kvm4nfv lab ssh --name ${name}, or ` : ''}kvm4nfv lab down --name ${name}`,
    });
  const began = Date.now();
  const { machine } = await raiseVirtualHost(host, optionsOf(option), { run, name, signal, progress: warn });
  const seconds = ((Date.now() - began) / 1000).toFixed(1);
  // What a suite takes for granted anyway.
  const written = Object.entries(without(machine.spec, 'host_key', 'agent')).map(
    ([key, value]) => `${key}: ${String(value)}`,
  );
  if (json) printJson(machine.record);
  else
    print(
      `emulated host '${name}' is up after ${seconds} s\n  a shell:  kvm4nfv lab ssh --name ${name}\n  its end:  kvm4nfv lab down --name ${name}\n  a look:   kvm4nfv doctor lab:${name}\n  as a host of a suite: { ${written.join(', ')} }`,
    );
  return 0;
};

const ssh = async (
  host: Host,
  { name }: LabFlags,
  command: readonly string[],
  signal: AbortSignal,
): Promise<number> => {
  const machine = await attachVirtualHost(host, { run, name }, { signal });
  return runOnTerminal(machine.sshArgv(command));
};

const down = async (host: Host, { name }: LabFlags, signal: AbortSignal): Promise<number> => {
  await removeVirtualHost(host, { run, name }, { signal });
  print(`emulated host '${name}' is gone`);
  return 0;
};

const list = async (host: Host, { json }: LabFlags, signal: AbortSignal): Promise<number> => {
  const machines = await listVirtualHosts(host, { signal });
  if (json) printJson(machines);
  else if (machines.length === 0) print('no emulated hosts; kvm4nfv lab up starts one');
  else {
    const rows = machines.map(({ record, ...machine }) => [
      machine.run,
      machine.name,
      machine.state,
      record === undefined ? '' : `127.0.0.1:${String(record.sshPort)}`,
      record?.startedAt ?? '',
    ]);
    print(
      renderTable(
        [{ title: 'run' }, { title: 'name' }, { title: 'state' }, { title: 'ssh' }, { title: 'since' }],
        rows.map((row) => row.map((text) => ({ text }))),
      ),
    );
  }
  return 0;
};

/** `kvm4nfv lab`: emulated hosts to play with. */
export const lab = async (action: LabAction, command: readonly string[], flags: LabFlags): Promise<number> => {
  using interrupt = new Interrupt(() => 'kvm4nfv lab list');
  const { signal } = interrupt;
  checkMachineName({ run, name: flags.name });
  await using host = localHost('local');
  switch (action) {
    case 'up':
      return await up(host, flags, signal);
    case 'ssh':
      return await ssh(host, flags, command, signal);
    case 'down':
      return await down(host, flags, signal);
    case 'list':
      return await list(host, flags, signal);
  }
};
