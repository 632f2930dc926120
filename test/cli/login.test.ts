import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { expect } from 'chai';
import { logins, startLoginLab, type LoginLab } from '../host/logins/lab.js';
import { built, cli, inDirectory, onlyResult, suiteOf, writeSuite } from './cli.js';

describe('kvm4nfv run on a login that is not root', function () {
  let lab: LoginLab;
  before(async function () {
    if (userInfo().uid !== 0) this.skip();
    await built();
    lab = await startLoginLab();
  });
  after(() => lab[Symbol.asyncDispose]());

  const run = (user: string, options = {}) =>
    inDirectory(async (directory) => {
      const suite = suiteOf({ hosts: { sut: lab.spec(user) }, host: 'sut', options });
      const ended = await cli(['run', await writeSuite(directory, suite)], { cwd: directory });
      return { ended, result: await onlyResult(directory).catch(() => undefined) };
    });

  for (const user of ['plain', 'noisy', 'logged', 'fishu', 'tcshu', 'zshu'])
    it(`measures through sudo as ${user}`, async function () {
      if (!existsSync(logins.find(({ name }) => name === user)?.shell ?? '')) this.skip();
      const { ended, result } = await run(user);
      expect(ended.code, ended.stderr + ended.stdout).to.equal(0);
      expect(result?.tests[0]?.verdict).to.equal('pass');
    });

  it('is exit 3 where sudo asks for a password, 4 where the login runs nothing; both say so', async () => {
    const asked = await run('asked');
    expect(asked.ended.code).to.equal(3);
    expect(asked.ended.stdout + asked.ended.stderr).to.include('may not run sudo without a password');
    const none = await run('nolog');
    expect(none.ended.code).to.equal(4);
    expect(none.ended.stdout + none.ended.stderr)
      .to.include("can't run commands")
      .and.include('not available');
  });
});
