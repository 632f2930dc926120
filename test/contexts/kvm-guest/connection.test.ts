import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { connect } from '../../../lib/contexts/kvm-guest/connection.js';
import { Kvm4nfvError } from '../../../lib/error.js';
import { readFacts, type HostFacts } from '../../../lib/host/facts.js';
import type { Host } from '../../../lib/host/host.js';
import { localHost } from '../../../lib/host/local.js';
import { noLibvirtd } from '../../support/libvirtd.js';

// A mount namespace for each command: an empty /run, and what $1 does there. $2 comes first in PATH.
const inside = `mount --make-rprivate / && mount -t tmpfs tmpfs /run && mkdir /run/libvirt || exit 99
eval "$1"; PATH=$2:$PATH; shift 2; exec "$@"`;
const hide = (program: string): string => `mount --bind "$2/none" ${program};`;
const socket = (name: string): string =>
  `perl -MSocket -e 'socket(S,AF_UNIX,SOCK_STREAM,0) && bind(S,sockaddr_un($ARGV[0])) or die' /run/libvirt/${name}-sock;`;

describe('libvirt on a host', () => {
  const local = localHost('local');
  const directory = mkdtempSync(join(tmpdir(), 'kvm4nfv-libvirt-'));
  let facts: HostFacts;

  before(async function () {
    const reason = await noLibvirtd();
    if (reason !== undefined) {
      console.log(`    no libvirt: ${reason}`);
      this.skip();
    }
    facts = await readFacts(local);
    writeFileSync(join(directory, 'none'), '');
  });
  after(async () => {
    await local[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true });
  });

  const hostWhere = (setup: string, programs: string): Host => {
    const exec: Host['exec'] = (argv, options) =>
      local.exec(['unshare', '-m', 'sh', '-c', inside, 'sh', setup, programs, ...argv], options);
    return Object.assign(Object.create(local) as Host, { exec });
  };
  const refusal = async (setup: string, programs = directory, as = facts): Promise<Kvm4nfvError> => {
    const options = { run: 'run', uri: 'auto', implementation: 'virsh', signal: new AbortController().signal } as const;
    const error: unknown = await connect(hostWhere(setup, programs), as, options).catch((reason: unknown) => reason);
    if (Kvm4nfvError.is(error)) return error;
    throw new Error(`expected a refusal, not ${String(error)}`);
  };
  /** A directory with a virtqemud that can be found. */
  const modular = (): string => {
    const program = join(directory, 'virtqemud');
    writeFileSync(program, '#!/bin/sh\n');
    chmodSync(program, 0o755);
    return directory;
  };
  const noLibvirtdThere = hide('/usr/sbin/libvirtd');

  it('is absent only where neither kind of daemon is found', async () => {
    const error = await refusal(noLibvirtdThere);
    expect(error).to.include({ code: 'E_NO_LIBVIRT' });
    expect(error.message).to.equal('local has no libvirt: neither libvirtd nor virtqemud is installed');
  });

  it('lacks virsh where that is what is missing', async () => {
    expect((await refusal(hide('/usr/bin/virsh'))).message).to.equal('local has no virsh');
    expect((await refusal(hide('/usr/bin/virsh') + socket('virtqemud'))).message).to.equal('local has no virsh');
  });

  it('of modular daemons is told by name, with what starts it', async () => {
    const error = await refusal(noLibvirtdThere, modular());
    expect(error.message).to.equal('local: virtqemud is installed, but its socket is not there');
    expect(error.hint).to.contain('virtqemud.socket');
    rmSync(join(directory, 'virtqemud'));
  });

  it('that does not answer is told in its own words', async () => {
    for (const name of ['virtqemud', 'libvirt']) {
      const error = await refusal(noLibvirtdThere + socket(name));
      expect(error.message, name).to.match(/local: qemu:\/\/\/system: connect: .*(?:socket|connect)/i);
      expect(error.message, name).not.to.contain('has no libvirt');
    }
  });

  it('is a session for who may not use the system’s, of either kind of daemon', async () => {
    const user: HostFacts = { ...facts, user: { ...facts.user, root: false } };
    const options = { run: 'run', uri: 'auto', implementation: 'virsh', signal: new AbortController().signal } as const;
    await using connection = await connect(hostWhere(noLibvirtdThere + socket('libvirt'), modular()), user, options);
    expect(connection.hypervisor.uri).to.equal('qemu:///session');
  });
});
