import { chmod, mkdir, open, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { cleanupRun } from '../../lib/run/cleanup.js';
import { execute } from '../../lib/run/executor.js';
import { Registry } from '../../lib/run/registry.js';
import { RunStore } from '../../lib/run/store.js';
import { sweepersOf } from '../../lib/suite/plugins.js';
import { inDirectory, latencies, planOf, scenarioOf, testOf } from './support.js';

const good = scenarioOf(() => Promise.resolve(latencies([1000])));

describe('an event', () => {
  it('is on the disk before anybody is told of it', async () => {
    await inDirectory(async (results) => {
      const probe = await open(path.join(results, 'probe'), 'w');
      const handles = Object.getPrototypeOf(probe) as { datasync: () => Promise<void> };
      await probe.close();
      const { datasync } = handles;
      const order: string[] = [];
      handles.datasync = async function (this: unknown) {
        await datasync.call(this);
        order.push('on disk');
      };
      try {
        await using store = await RunStore.create(results, 'run', { listener: ({ type }) => order.push(type) });
        await store.append({ type: 'run-finished' });
        await store.append({ type: 'context-stage', context: 'a', stage: 'b' });
      } finally {
        handles.datasync = datasync;
      }
      expect(order).to.deep.equal(['on disk', 'run-finished', 'on disk', 'context-stage']);
    });
  });
});

describe('a run of a controller elsewhere', () => {
  it('is left alone as long as nobody names it', async () => {
    await inDirectory(async (results) => {
      const { directory } = await execute(planOf([testOf(good)]), { results });
      const events = path.join(directory, 'events.ndjson');
      const lines = (await readFile(events, 'utf8')).trimEnd().split('\n');
      const started = JSON.parse(lines[0] ?? '') as { controller: Record<string, unknown> };
      Object.assign(started.controller, { host: 'elsewhere', machine: 'another', boot: 'another' });
      await writeFile(events, `${[JSON.stringify(started), ...lines.slice(1, -1)].join('\n')}\n`);
      const cleaned = (named: boolean) =>
        cleanupRun(directory, sweepersOf(new Registry()), { signal: AbortSignal.timeout(60_000), named });
      const left = await cleaned(false);
      expect(left.state).to.equal('running');
      expect(left.lines.join(' ')).to.contain('of elsewhere runs it, as far as can be told from here');
      expect(await cleaned(true)).to.include({ state: 'cleaned' });
    });
  });
});

describe('a host that hangs when it is left', function () {
  this.timeout(60_000);

  it('is given up after a minute', async () => {
    const timeout = AbortSignal.timeout.bind(AbortSignal);
    const { PATH = '' } = process.env;
    await inDirectory(async (results) => {
      const bin = path.join(results, 'bin');
      await mkdir(bin);
      await writeFile(
        path.join(bin, 'sh'),
        `#!/bin/bash\ncase "$2" in *'show virtualisation'*) exec /bin/sleep 600 ;; esac\nexec /bin/sh "$@"\n`,
      );
      await chmod(path.join(bin, 'sh'), 0o755);
      const hanging = scenarioOf(() => {
        process.env['PATH'] = `${bin}:${PATH}`;
        return Promise.resolve(latencies([1000]));
      });
      const asked: number[] = [];
      // A minute is a moment here; what has another bound keeps it.
      AbortSignal.timeout = (milliseconds) => {
        asked.push(milliseconds);
        return timeout(milliseconds === 60_000 ? 200 : milliseconds);
      };
      const began = performance.now();
      try {
        const { result } = await execute(planOf([testOf(hanging)]), { results });
        expect(result.problems.map(({ where, fault }) => [where, fault])).to.deep.equal([['host local', 'teardown']]);
      } finally {
        AbortSignal.timeout = timeout;
        process.env['PATH'] = PATH;
      }
      expect(asked).to.include(60_000);
      expect(performance.now() - began).to.be.below(25_000);
    });
  });
});
