import { execFile } from 'node:child_process';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { openSshHost } from '../../lib/host/ssh/open.js';
import { openSshError } from '../../lib/host/ssh/openssh-error.js';
import { SshError } from '../../lib/host/ssh/error.js';
import { startContractLab, type ContractLab } from './ssh-contract/lab.js';
import { rows, type Row } from './ssh-contract/rows.js';

/** ssh does not tell these two apart either. */
const alike = (verdict: string): string => (verdict === 'banner' ? 'key exchange' : verdict);

/** `connects`, or the stage at which it was refused. */
interface Answer {
  readonly verdict: string;
  readonly said: string;
}

const standard = (config: readonly string[]): readonly string[] => {
  const says = (keyword: string): boolean => config.some((line) => line.startsWith(`${keyword} `));
  return [
    ...config,
    ...(says('HostName') ? [] : ['HostName 127.0.0.1']),
    ...(says('Port') ? [] : ['Port @plain@']),
    ...(says('IdentityFile') ? [] : ['IdentityFile @dir@/user']),
    ...(says('UserKnownHostsFile') ? [] : ['UserKnownHostsFile @kh-plain@']),
    ...(says('GlobalKnownHostsFile') ? [] : ['GlobalKnownHostsFile none']),
    'User root',
  ];
};

const configOf = ({ config, others = '' }: Row, names: ReadonlyMap<string, string>): string => {
  const all = `${others}\nHost sut\n${standard(config)
    .map((line) => `  ${line}\n`)
    .join('')}`;
  return all.replaceAll(/@([a-z-]+)@/g, (_, name: string) => names.get(name) ?? `@${name}@`);
};

describe('What ssh reaches', function () {
  this.timeout(120_000);
  let lab: ContractLab;
  let number = 0;
  const usual = process.env['SSH_AUTH_SOCK'];

  before(async () => {
    lab = await startContractLab();
    process.env['CONTRACT_DIR'] = lab.directory;
    process.env['CONTRACT_AGENT'] = lab.agent;
    const gates = configOf({ name: '', config: [] }, lab.names).replace('Host sut', 'Host gate');
    await writeFile(join(lab.directory, 'gates'), gates);
    await writeFile(join(lab.directory, 'included'), 'Host elsewhere\n  Port 1\n');
  });
  afterEach(() => {
    if (usual === undefined) delete process.env['SSH_AUTH_SOCK'];
    else process.env['SSH_AUTH_SOCK'] = usual;
  });
  after(async () => {
    delete process.env['CONTRACT_DIR'];
    delete process.env['CONTRACT_AGENT'];
    await lab[Symbol.asyncDispose]();
  });

  /** A configuration of its own for each try: keys that are accepted are written down. */
  const prepared = async (row: Row): Promise<string> => {
    number += 1;
    const copy = join(lab.directory, 'tries', String(number));
    await mkdir(copy, { recursive: true });
    await cp(join(lab.directory, 'kh-empty'), join(copy, 'kh-empty'));
    const file = join(copy, 'config');
    await writeFile(file, configOf(row, lab.names).replaceAll(`${lab.directory}/kh-empty`, `${copy}/kh-empty`));
    return file;
  };

  const bySsh = async (file: string): Promise<Answer> =>
    new Promise((resolve) => {
      const args = ['-F', file, '-o', 'BatchMode=yes', '-o', 'LogLevel=INFO', 'sut', 'sh -c :'];
      execFile('ssh', args, { timeout: 60_000, env: { ...process.env, LC_ALL: 'C' } }, (error, _stdout, stderr) => {
        if (error === null) resolve({ verdict: 'connects', said: '' });
        else resolve({ verdict: openSshError('ssh', stderr, 255).stage, said: stderr });
      });
    });

  const byUs = async (file: string, transport: 'auto' | 'openssh'): Promise<Answer> => {
    try {
      await using host = await openSshHost('node1', { address: 'sut', transport }, { configFile: file });
      await host.exec(['sh', '-c', ':']);
      return { verdict: 'connects', said: '' };
    } catch (error) {
      return error instanceof SshError
        ? { verdict: error.stage, said: error.message }
        : { verdict: 'another error', said: String(error) };
    }
  };

  for (const row of rows) {
    const expected = row.ours?.refused ?? row.refused ?? 'connects';
    it(`${row.name}: ${row.ours === undefined ? expected : `${expected}, since ${row.ours.why}`}`, async () => {
      if (row.agent === true) process.env['SSH_AUTH_SOCK'] = lab.agent;
      else delete process.env['SSH_AUTH_SOCK'];
      const answer = await bySsh(await prepared(row));
      expect(alike(answer.verdict), `ssh: ${answer.said}`).to.equal(alike(row.refused ?? 'connects'));
      for (const transport of ['auto', 'openssh'] as const) {
        const own = await byUs(await prepared(row), transport);
        const wanted = transport === 'openssh' && row.ours === undefined ? (row.refused ?? 'connects') : expected;
        expect(alike(own.verdict), `${transport}: ${own.said}`).to.equal(alike(wanted));
      }
    });
  }
});
