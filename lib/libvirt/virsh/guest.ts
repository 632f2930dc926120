import type { EventCalls, GuestCalls, JobCalls } from '../hypervisor.js';
import { parseJob } from '../parse/statistics.js';
import { parseInterfaceAddresses } from '../parse/tables.js';
import type { VirshClient } from './client.js';
import { listen } from './listen.js';
import { migrateArguments } from './migrate-args.js';
import { returnOf } from './qmp.js';

const hour = 3_600_000;

export const guestCalls = (client: VirshClient): GuestCalls => {
  const place = { uri: client.uri, host: client.host.name };
  return {
    interfaceAddresses: async (domain, source, options = {}) => {
      const args = ['domifaddr', '--domain', domain, '--source', source];
      return parseInterfaceAddresses(
        await client.run({ ...options, action: `read addresses of domain ${domain}`, args }),
      );
    },
    monitor: async (domain, command, options = {}) => {
      const action = `run ${command.execute} in the monitor of domain ${domain}`;
      const args = ['qemu-monitor-command', '--domain', domain, '--cmd', JSON.stringify(command)];
      return returnOf(await client.run({ ...options, action, args }), { ...place, action });
    },
    agent: async (domain, command, { timeout = 10_000, ...options } = {}) => {
      const action = `run ${command.execute} in the guest agent of domain ${domain}`;
      const seconds = String(Math.max(1, Math.ceil(timeout / 1000)));
      const args = ['qemu-agent-command', '--domain', domain, '--timeout', seconds, '--cmd', JSON.stringify(command)];
      // libvirt keeps the deadline by itself; ours is for a libvirtd that does not answer.
      return returnOf(await client.run({ ...options, timeout: timeout + 15_000, action, args }), { ...place, action });
    },
  };
};

export const jobCalls = (client: VirshClient): JobCalls => ({
  job: async (domain, { completed = false, ...options } = {}) => {
    const args = ['domjobinfo', '--domain', domain, '--rawstats', ...(completed ? ['--completed'] : [])];
    return parseJob(await client.run({ ...options, action: `read the job of domain ${domain}`, args }));
  },
  abortJob: async (domain, options = {}) => {
    await client.run({
      ...options,
      action: `abort the job of domain ${domain}`,
      args: ['domjobabort', '--domain', domain],
    });
  },
  migrate: async (domain, destination, options = {}) => {
    const { timeout = hour, signal, xml } = options;
    await client.run({
      action: `migrate domain ${domain} to ${destination}`,
      args: migrateArguments(domain, destination, options),
      timeout,
      ...(signal === undefined ? {} : { signal }),
      ...(xml === undefined ? {} : { xml }),
    });
  },
  migratePostcopy: async (domain, options = {}) => {
    await client.run({
      ...options,
      action: `switch domain ${domain} to post-copy`,
      args: ['migrate-postcopy', '--domain', domain],
    });
  },
  setMaxDowntime: async (domain, downtime, options = {}) => {
    const args = ['migrate-setmaxdowntime', '--domain', domain, '--downtime', String(downtime)];
    await client.run({ ...options, action: `limit the downtime of domain ${domain}`, args });
  },
});

export const eventCalls = (client: VirshClient): EventCalls => ({ events: (options) => listen(client, options) });
