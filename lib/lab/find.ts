import { Kvm4nfvError } from '../error.js';
import type { Host, Job } from '../host/host.js';
import { checkMachineName, listInstances, removeInstance, type ListedInstance, type MachineName } from './instance.js';
import { labDirectory, type LabOptions } from './places.js';
import type { WireEnds } from './ports.js';
import { endJob, jobName, VirtualHost } from './virtual-host.js';

export interface ListedVirtualHost extends ListedInstance {
  /** `broken`: without a record, its start was cut short (or is not that far yet); it can only be removed. */
  readonly state: 'running' | 'ended' | 'broken';
}

/** A machine's QEMU; undefined where there is none: its host forgets jobs when it reboots, but not directories. */
const findJob = async (host: Host, { run, name }: MachineName): Promise<Job | undefined> => {
  try {
    return await host.attach(run, jobName(name));
  } catch (error) {
    if (Kvm4nfvError.is(error) && error.fault === 'environment') return undefined;
    throw error;
  }
};

/** The virtual hosts on a host, of every run, those too whose QEMU has ended. */
export const listVirtualHosts = async (host: Host, options: LabOptions = {}): Promise<readonly ListedVirtualHost[]> => {
  const instances = await listInstances(host, await labDirectory(host, options));
  const stateOf = async (instance: ListedInstance): Promise<ListedVirtualHost['state']> => {
    if (instance.record === undefined) return 'broken';
    const job = await findJob(host, instance);
    return job !== undefined && (await job.running()) ? 'running' : 'ended';
  };
  return Promise.all(instances.map(async (instance) => ({ ...instance, state: await stateOf(instance) })));
};

const unknown = (host: Host, machine: MachineName, instances: readonly MachineName[]): Kvm4nfvError => {
  const names = instances.map(({ run, name }) => `${run}/${name}`).join(', ');
  return new Kvm4nfvError('E_NO_LAB_HOST', `${host.name}: there is no virtual host ${machine.run}/${machine.name}`, {
    hint: names === '' ? 'There is none at all.' : `There are ${names}.`,
  });
};

const recordOf = async (
  host: Host,
  lab: string,
  machine: MachineName,
): Promise<NonNullable<ListedInstance['record']>> => {
  const instances = await listInstances(host, lab);
  const found = instances.find(({ run, name }) => run === machine.run && name === machine.name);
  if (found === undefined) throw unknown(host, machine, instances);
  if (found.record !== undefined) return found.record;
  throw new Kvm4nfvError(
    'E_LAB_BROKEN',
    `${host.name}: virtual host ${machine.run}/${machine.name} is broken: its start was cut short`,
    { hint: 'Remove it (kvm4nfv lab down, kvm4nfv cleanup) and start it again.' },
  );
};

/**
 * Finds a virtual host again that this controller or an earlier one started. Throws a `usage` error where there is none, an
 * `environment` error where its QEMU has ended.
 */
export const attachVirtualHost = async (
  host: Host,
  machine: MachineName,
  options: LabOptions = {},
): Promise<VirtualHost> => {
  const lab = await labDirectory(host, options);
  const record = await recordOf(host, lab, machine);
  const directory = `${lab}/machines/${machine.run}/${machine.name}`;
  const [job, privateKey] = await Promise.all([findJob(host, machine), host.read(`${directory}/identity`)]);
  if (job === undefined || !(await job.running()))
    throw new Kvm4nfvError(
      'E_LAB_BROKEN',
      `${host.name}: virtual host ${machine.run}/${machine.name} does not run any more`,
      { hint: 'Remove it (kvm4nfv lab down, kvm4nfv cleanup) and start it again.' },
    );
  return new VirtualHost({ ...machine, host, lab, directory, job, record, privateKey, stages: {} });
};

/** Where the wire of a virtual host is: a deployed context `name` of a run. Throws as `attachVirtualHost` does. */
export const wireOf = async (host: Host, machine: MachineName, options: LabOptions = {}): Promise<WireEnds> =>
  (await recordOf(host, await labDirectory(host, options), machine)).wire;

/**
 * Ends a virtual host and removes what it left, whatever state it is in. Throws a `usage` error where there is neither a QEMU
 * nor a directory of it.
 */
export const removeVirtualHost = async (host: Host, machine: MachineName, options: LabOptions = {}): Promise<void> => {
  const path = checkMachineName(machine);
  const lab = await labDirectory(host, options);
  const job = await findJob(host, machine);
  if (job !== undefined) await endJob(job);
  const removed = await removeInstance(host, lab, path);
  if (job === undefined && !removed) throw unknown(host, machine, await listInstances(host, lab));
};
