import { entry } from './entry.js';

/** Connecting to hosts, and running commands there. */
export const host = {
  E_HOST: entry('usage', 'A host is described wrongly, or is not there.', 'Correct the host in the suite.'),
  E_SSH_CONFIG: entry('usage', 'ssh_config can not be used for a host.', 'See `ssh -G` of the host.'),
  E_SSH_RESOLVE: entry(
    'unreachable',
    'The name of a host has no address.',
    'Check the address, or the alias in ssh_config.',
  ),
  E_SSH_CONNECT: entry(
    'unreachable',
    'Nothing answers at the port of sshd.',
    'Check address and port, and the firewalls between.',
  ),
  E_SSH_PROTOCOL: entry(
    'unreachable',
    'What answers does not get through the start of SSH.',
    'Check the port; see the log of sshd (MaxStartups, algorithms).',
  ),
  E_SSH_HOST_KEY: entry(
    'unreachable',
    'The key of a host is unknown or another than known_hosts says.',
    'Make sure that it is the right host, then add its key.',
  ),
  E_SSH_LOGIN: entry('unreachable', 'A host does not let us in.', 'Check user, identity and agent.'),
  E_SSH_LOGIN_SHELL: entry(
    'unreachable',
    'A login runs no commands.',
    'Give the user a shell that does, and look at the files that it reads at the start.',
  ),
  E_SSH_CHANNEL: entry('unreachable', 'sshd opens no channel.', 'See its log (MaxSessions, limits of processes).'),
  E_CONNECTION_LOST: entry(
    'unreachable',
    'The connection to a host was lost.',
    'Check the network, and whether the host runs.',
  ),
  E_COMMAND: entry('tool', 'A command on a host failed.', 'See what it said; run it there by hand.'),
  E_COMMAND_MISSING: entry('tool', 'A command is not installed on a host.', 'Install it there.'),
  E_SUDO: entry(
    'environment',
    'sudo refuses a command.',
    'Let the user run sudo without a password, or log in as root.',
  ),
  E_UNTRUSTED: entry(
    'environment',
    'Somebody else can write where we would make or remove something.',
    'See whose the directory is; remove it, or take the rights of others away.',
  ),
  E_TIMEOUT: entry('tool', 'Something took longer than it may.', 'See whether the machine hangs or is overloaded.'),
  E_ANSWER: entry(
    'tool',
    'A machine sends what can not be, or more than is taken.',
    'See what it is; a machine that lies is no machine to measure.',
  ),
  E_NOT_A_COMMAND: entry(
    'usage',
    'A command, an argument or a variable can not be passed on.',
    'Write it without NUL bytes.',
  ),
  E_HOST_GONE: entry('tool', 'A machine has ended while it was in use.', 'See its console among the files of the run.'),
  E_HOST_FILE: entry(
    'environment',
    'A file of a machine can not be read or written.',
    'Check that it is there, the rights and the space.',
  ),
  E_CANNOT_START: entry(
    'environment',
    'A command can not be started on this machine.',
    'Install it, and check its rights.',
  ),
  E_LOCAL_FILE: entry(
    'environment',
    'A file of this machine can not be read or written.',
    'Check the rights and the free space.',
  ),
  E_NOT_LINUX: entry('environment', 'A host shows nothing of Linux.', 'Use a Linux host with /proc and /sys mounted.'),
  E_CPU_LIST: entry('environment', 'Text of a machine is no list or mask of CPUs.', 'Report it with the text.'),
  E_NO_CPU: entry(
    'environment',
    'CPUs that were asked for are not there or not online.',
    'Name CPUs that the host has online.',
  ),
  E_JOB_NAME: entry(
    'usage',
    'A job or run can not be called so.',
    'Use letters, digits, dots, dashes and underscores.',
  ),
  E_JOB_START: entry('environment', 'A detached tool could not be started.', 'See what the host said.'),
  E_JOB_LOST: entry(
    'tool',
    'What supervised a detached tool is gone.',
    'See the files of the job, and whether memory ran out.',
  ),
  E_JOB_END: entry('teardown', 'A detached tool could not be ended.', 'End it by hand, then run `kvm4nfv cleanup`.'),
  E_NO_JOB: entry('environment', 'There is no such job.', 'It was removed, or never started.'),
} as const;
