import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { identify } from '../../../lib/contexts/kvm-guest/domain.js';
import type { Deployment } from '../../../lib/contexts/context.js';
import { GuestRun, needGuests, noGuests, printed } from './guests.js';
import { traces } from './traces.js';

const MiB = 2 ** 20;

describe('A guest with more disks, IOThreads and shared memory', function () {
  this.timeout(30 * 60_000);
  let run: GuestRun;
  let guest: Deployment;
  let directory: string;

  before(async function () {
    await needGuests(this);
    run = await GuestRun.open('disks');
    directory = await mkdtemp(join(tmpdir(), 'kvm4nfv-disks-'));
    const kept = join(directory, 'kept.raw');
    await writeFile(kept, 'from the host\n');
    await truncate(kept, 32 * MiB);
    const whole = join(directory, 'whole.qcow2');
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', whole, '16M']);
    guest = await run.deploy('disks', {
      iothreads: [{ cpus: 0 }],
      shared_memory: true,
      agent: true,
      disks: [
        { size: '64MiB', serial: 'empty', iothread: 1, cache: 'writethrough' },
        { path: kept, format: 'raw', serial: 'kept' },
        { path: whole, format: 'qcow2', serial: 'whole', read_only: true },
      ],
    });
  });

  after(async () => {
    if ((await noGuests()) !== undefined) return;
    await run[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });

  const findDisk = 'for disk in /sys/block/vd*; do [ "$(cat "$disk/serial")" = "$1" ] && basename "$disk"; done';

  it('has them, boots instead of being restored, and what it writes to a file of the user stays', async () => {
    expect(guest.traits).to.include({ warm: false });
    const { directory: own } = identify(run.run, 'disks', undefined);
    expect(existsSync(`${own}/disk-1.raw`)).to.equal(true);
    for (const [serial, size] of [
      ['empty', 64 * MiB],
      ['kept', 32 * MiB],
      ['whole', 16 * MiB],
    ] as const) {
      const disk = await printed(guest, 'sh', '-c', `${findDisk}; exit 0`, 'sh', serial);
      expect(Number(await printed(guest, 'cat', `/sys/block/${disk}/size`)) * 512, serial).to.equal(size);
      if (serial === 'kept') {
        expect(await printed(guest, 'head', '-n', '1', `/dev/${disk}`)).to.equal('from the host');
        await printed(
          guest,
          'sh',
          '-c',
          'echo "from the guest" | dd of="$1" conv=fsync 2>/dev/null',
          'sh',
          `/dev/${disk}`,
        );
      }
    }
    expect(await printed(guest, 'sh', '-c', 'cat /sys/class/virtio-ports/*/name')).to.contain('org.qemu.guest_agent.0');
    await run[Symbol.asyncDispose]();
    expect(traces(run.run)).to.deep.equal([]);
    expect((await readFile(join(directory, 'kept.raw'))).subarray(0, 15).toString()).to.equal('from the guest\n');
  });
});
