import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { pingScript } from '../../../lib/contexts/sriov-vf/scripts.js';

const iputils =
  'PING 192.0.2.1 (192.0.2.1) from 192.0.2.5 ens4: 56(84) bytes of data.\n\n--- 192.0.2.1 ping statistics ---\n3 packets transmitted, 2 received, 33.3333% packet loss, time 2004ms\n';
const busybox =
  'PING 192.0.2.1 (192.0.2.1): 56 data bytes\n\n--- 192.0.2.1 ping statistics ---\n3 packets transmitted, 3 packets received, 0% packet loss\n';

describe('a ping through a VF', () => {
  let directory = '';
  before(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'kvm4nfv-ping-'));
    await mkdir(path.join(directory, 'net/ens4/device'), { recursive: true });
    await writeFile(path.join(directory, 'net/ens4/address'), '52:54:00:00:00:01\n');
    await mkdir(path.join(directory, 'net/lo'), { recursive: true });
    await writeFile(path.join(directory, 'net/lo/address'), '00:00:00:00:00:00\n');
  });
  after(() => rm(directory, { recursive: true }));

  const ping = async (says: string, { fails = false, mac = '52:54:00:00:00:01' } = {}) => {
    const right = `case "$*" in *'-I ens4 192.0.2.1') ;; *) exit 2 ;; esac`;
    const fake = `#!/bin/sh\n${right}\ncat <<'END'\n${says}END\nexit ${fails ? '1' : '0'}\n`;
    await writeFile(path.join(directory, 'ping'), fake, { mode: 0o755 });
    const script = pingScript.replaceAll('/sys/class/net', `${directory}/net`).replace('sleep 0.2', 'true');
    const { stdout, stderr, status } = spawnSync('sh', ['-c', script, 'sh', mac, '192.0.2.1'], {
      env: { PATH: `${directory}:${process.env['PATH'] ?? ''}` },
      encoding: 'utf8',
    });
    return { stdout: stdout.trim(), stderr, status };
  };

  it('is counted, whichever ping the machine has', async () => {
    expect((await ping(iputils)).stdout).to.equal('2');
    expect((await ping(busybox)).stdout).to.equal('3');
  });

  it('that nobody answers is 0, and one from an interface that is not there says so', async () => {
    expect(await ping('', { fails: true })).to.deep.include({ stdout: '0', status: 0 });
    expect(await ping(busybox, { mac: '52:54:00:00:00:02' })).to.deep.include({
      stderr: 'no interface has the MAC 52:54:00:00:00:02',
      status: 3,
    });
  });
});
