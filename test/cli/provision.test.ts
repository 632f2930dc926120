import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Result } from '../../lib/run/result.js';
import {
  built,
  cli,
  eventsIn,
  inDirectory,
  leftOf,
  onlyResult,
  pathWithout,
  stackTrace,
  suiteOf,
  writeSuite,
} from './cli.js';
import '../support/slow.js';

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly result: Result;
  /** What apt-get was asked for, in order. */
  readonly asked: readonly string[];
  readonly trials: number;
}

const provisioning = suiteOf().replace('"type":"bare-metal"', '"type":"bare-metal","provision":true');
const install = 'install -y -q --no-install-recommends rt-tests';
/** What installing comes to: the tool, where it was not, on the PATH. */
const puts = 'ln -s /usr/bin/cyclictest "$here/cyclictest"';

/** Runs a suite where there is no cyclictest, and where apt-get is this script, by its first argument in `$1`. */
const run = (suite: string, aptGet: string): Promise<Outcome> =>
  inDirectory(async (directory) => {
    const own = join(directory, 'own');
    await mkdir(own);
    const head = 'here=${0%/*}\nprintf "%s\\n" "$*" >>"$here/asked"\n[ "$DEBIAN_FRONTEND" = noninteractive ] || exit 9';
    await writeFile(join(own, 'apt-get'), `#!/bin/sh\n${head}\n${aptGet}\n`);
    await chmod(join(own, 'apt-get'), 0o755);
    const { code, stdout, stderr } = await cli(['run', await writeSuite(directory, suite)], {
      cwd: directory,
      env: { PATH: `${own}:${await pathWithout(directory, 'cyclictest')}` },
    });
    expect(stdout + stderr).to.not.match(stackTrace);
    const result = await onlyResult(directory);
    expect(await leftOf(result.runId)).to.deep.equal([]);
    const asked = (await readFile(join(own, 'asked'), 'utf8').catch(() => '')).split('\n').slice(0, -1);
    const events = await eventsIn(directory, result.runId);
    return { code, stdout, result, asked, trials: events.filter(({ type }) => type === 'trial-started').length };
  });

describe('a tool that is missing', function () {
  this.timeout(90_000);
  before(function () {
    // sudo has a PATH of its own, on which apt-get is the real one.
    if (process.getuid?.() !== 0) this.skip();
    return built();
  });

  it('is installed with provision: true, measured with, and said', async () => {
    const { code, stdout, result, asked } = await run(provisioning, puts);
    expect(code, stdout).to.equal(0);
    expect(asked).to.deep.equal([install]);
    expect(result.provisioned).to.deep.equal({ local: ['rt-tests'] });
    expect(result.tests[0]?.metrics[0]).to.include({ count: 300 });
    expect(stdout).to.match(/^installed on \w+: rt-tests$/m);
  });

  it('is installed from new lists of packages where the old ones do not have it', async () => {
    const stale = `case $1 in update) : >"$here/new" ;; *) [ -e "$here/new" ] || exit 100; ${puts} ;; esac`;
    const { code, stdout, result, asked } = await run(provisioning, stale);
    expect(code, stdout).to.equal(0);
    expect(asked).to.deep.equal([install, 'update -q', install]);
    expect(result.provisioned).to.deep.equal({ local: ['rt-tests'] });
  });

  const failing: readonly (readonly [string, string, readonly string[], RegExp])[] = [
    [
      'can not be installed',
      '[ "$1" = update ] || { echo "E: Unable to locate package rt-tests" >&2; exit 100; }',
      [install, 'update -q', install],
      /error +local: can't install rt-tests: .*apt-get .*: exit 100: E: Unable to locate package rt-tests/,
    ],
    [
      'can not be looked for',
      'echo "E: Could not get lock /var/lib/apt/lists/lock" >&2; exit 100',
      [install, 'update -q'],
      /error +local: can't install rt-tests: .*apt-get update -q: exit 100: E: Could not get lock/,
    ],
    ['is not in what was installed', 'exit 0', [install], /error +local lacks the tool cyclictest \(Debian package/],
  ];
  for (const [what, aptGet, asked, message] of failing)
    it(`ends the run with 3, before anything is measured, where it ${what}`, async () => {
      const outcome = await run(provisioning, aptGet);
      expect(outcome.code, outcome.stdout).to.equal(3);
      expect(outcome).to.deep.include({ asked, trials: 0 });
      // Packages stay, whether they were of use or not.
      expect(outcome.result.provisioned).to.deep.equal(aptGet === 'exit 0' ? { local: ['rt-tests'] } : {});
      expect(outcome.stdout).to.match(message).and.to.not.include("set 'provision: true'");
    });

  it('is named with its package, and nothing is installed, without provision: true', async () => {
    const outcome = await run(suiteOf(), puts);
    expect(outcome.code, outcome.stdout).to.equal(3);
    expect(outcome).to.deep.include({ asked: [], trials: 0 });
    expect(outcome.stdout)
      .to.match(/error +local lacks the tool cyclictest \(Debian package rt-tests\)/)
      .and.to.match(/install rt-tests there, or set 'provision: true' on its context/);
  });
});
