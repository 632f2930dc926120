import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { localHost } from '../../lib/host/local.js';
import { machineRecordSchema } from '../../lib/lab/instance.js';
import { labDirectory } from '../../lib/lab/places.js';
import { noLab } from '../lab/lab.js';
import { built, cli, type Ended } from './cli.js';

const host = localHost();
const name = `test-${randomUUID().slice(0, 8)}`;

const lab = (action: string, ...more: readonly string[]): Promise<Ended> =>
  cli(['lab', action, '--name', name, ...more]);
const machineDirectory = async (): Promise<string> => join(await labDirectory(host), 'machines/lab', name);

describe('kvm4nfv lab', function () {
  this.timeout(30 * 60_000);
  before(built);
  afterEach(() => lab('down'));

  it('starts an emulated host on which doctor reads right, runs commands there, lists it, and ends it', async function () {
    const reason = await noLab(host);
    if (reason !== undefined) {
      console.log(`    skipped: ${reason}`);
      this.skip();
    }
    const up = await lab('up', '--option', 'vfs=2', '--json');
    expect(up.code, up.stderr).to.equal(0);
    const { sshPort: port } = machineRecordSchema.parse(JSON.parse(up.stdout));

    const devices = await lab('ssh', '--', 'lspci');
    expect(devices.stdout.match(/82576 Gigabit Network Connection/g), devices.stderr).to.have.length(2);
    expect(devices.stdout.match(/82576 Virtual Function/g)).to.have.length(4);
    expect((await lab('ssh', '--', 'false')).code).to.equal(1);
    expect((await lab('ssh', '--', 'sh', '-c', 'echo "$0  $1"', 'a', 'b; false')).stdout).to.equal('a  b; false\n');
    expect((await lab('ssh', '--', 'cd /sys; pwd')).stdout).to.equal('/sys\n');

    expect((await lab('list')).stdout).to.match(new RegExp(`lab +${name} +running +127\\.0\\.0\\.1:${String(port)} `));
    const again = await lab('up');
    expect(again.code).to.equal(2);
    expect(again.stderr).to.include(`there is an emulated host '${name}' already (running)`);

    const { code, stdout, stderr } = await cli(['doctor', `lab:${name}`]);
    expect(code, stderr).to.equal(0);
    expect(stdout.split('\n')[1]).to.match(
      /^KVM yes, IOMMU \d+ groups, 2 NUMA nodes, SMT on, SR-IOV ens101 7 VFs \(2 made\), ens102 7 VFs \(2 made\)$/,
    );
    const tune = (action: string): Promise<Ended> => cli(['tune', action, `lab:${name}`, '--set', 'stat-interval=30']);
    const applied = await tune('apply');
    expect(applied.code, applied.stderr).to.equal(0);
    expect(applied.stdout).to.contain(`to put everything back: kvm4nfv tune restore lab:${name}`);
    expect((await tune('verify')).code).to.equal(0);
    expect((await cli(['tune', 'restore', `lab:${name}`])).stdout).to.match(/: 1 restored/);

    const down = await lab('down');
    expect([down.code, down.stdout]).to.deep.equal([0, `emulated host '${name}' is gone\n`]);
    expect((await lab('list')).stdout).not.to.include(name);
  });

  it('lists one whose start was cut short as broken, and takes it down', async () => {
    await mkdir(await machineDirectory(), { recursive: true });
    expect((await lab('list')).stdout).to.match(new RegExp(`lab +${name} +broken`));
    const up = await lab('up');
    expect(up.code).to.equal(2);
    expect(up.stderr).to.match(new RegExp(`already \\(broken\\) .*\\n +help: kvm4nfv lab down --name ${name}`));
    expect((await lab('ssh')).code).to.equal(3);
    expect((await lab('down')).code).to.equal(0);
    const { code, stderr } = await lab('down');
    expect(code).to.equal(2);
    expect(stderr).to.include(`there is no virtual host lab/${name}`);
  });

  it('refuses options that can not be', async () => {
    const { code, stderr } = await lab('up', '--option', 'nic=e1000e', '--option', 'vfs=1');
    expect(code).to.equal(2);
    expect(stderr).to.include('the NIC e1000e has no SR-IOV');
  });
});
