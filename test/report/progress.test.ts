import { expect } from 'chai';
import { EventLog, Progress } from '../../lib/report/progress.js';
import type { EventBody, RunEvent } from '../../lib/run/event.js';
import { trialOf } from './result.js';

const start = Date.parse('2026-11-22T18:00:00.000Z');
const at = (seconds: number, body: EventBody): RunEvent => ({
  ...body,
  seq: seconds,
  at: new Date(start + seconds * 1000).toISOString(),
});
const controller = { host: 'h', pid: 1, machine: 'm', boot: 'b', namespace: 'n', started: 's' };
const test = (name: string): Extract<EventBody, { type: 'test-started' }>['test'] => ({
  name,
  scenario: 'timer',
  context: 'metal',
  tags: [],
  parameters: {},
});
const events: readonly RunEvent[] = [
  at(0, {
    type: 'run-started',
    schemaVersion: 1,
    runId: 'r',
    kvm4nfv: '0',
    suite: { name: 's', file: 'f', sha256: '0' },
    controller,
    hosts: {},
    plugins: [],
    tests: 2,
    expected: 180e9,
  }),
  at(0, { type: 'context-stage', context: 'guest', stage: 'booting' }),
  at(1, { type: 'context-deployed', context: 'guest', result: { type: 'kvm-guest', on: 'local', traits: {} } }),
  at(1, { type: 'test-started', index: 0, test: test('idle'), trials: 3 }),
  at(2, { type: 'trial-started', index: 0, trial: 'idle-0', warmUp: false, expected: 60e9 }),
  at(62, { type: 'trial-finished', index: 0, trial: trialOf('idle-0') }),
  at(63, { type: 'trial-started', index: 0, trial: 'idle-1', warmUp: false, expected: null }),
  at(70, {
    type: 'trial-finished',
    index: 0,
    trial: { ...trialOf('idle-1'), verdict: 'fail', reasons: ['max <= 1us: observed 2'] },
  }),
  at(70, { type: 'test-finished', index: 0, verdict: 'fail', reasons: ['max <= 1us: observed 2'] }),
  at(71, { type: 'problem', problem: { where: 'host node', fault: 'unreachable', message: 'gone' } }),
  at(72, { type: 'run-finished' }),
];

/** The line `seconds` after the start, when all events until then are known. */
const lineAt = (seconds: number): string => {
  const progress = new Progress();
  for (const event of events) if (Date.parse(event.at) <= start + seconds * 1000) progress.add(event);
  return progress.line(start + seconds * 1000);
};

describe('the progress of a run', () => {
  it('tells test, trial, time and what is left', () => {
    expect([0, 12, 62, 66, 72].map(lineAt)).to.deep.equal([
      '0/2  guest: booting  about 3:00 left',
      '0/2  idle, trial 1/3  0:10 of 1:00  about 2:50 left',
      '0/2  about 2:00 left',
      '0/2  idle, trial 2/3  0:03  about 2:00 left',
      '1/2  about 2:00 left',
    ]);
  });

  it('does not count a trial that takes longer than it should as time that is saved', () => {
    const progress = new Progress();
    for (const event of events.slice(0, 5)) progress.add(event);
    expect(progress.line(start + 200e3)).to.equal('0/2  idle, trial 1/3  3:18 of 1:00  about 2:00 left');
  });

  it('has a line of a log for what a reader should see', () => {
    const log = new EventLog();
    expect(events.map((event) => log.line(event)).filter((line) => line !== undefined)).to.deep.equal([
      'run r: 2 tests, about 3:00 of measuring',
      'context guest: booting',
      'test idle: started in metal',
      'trial idle-0: pass',
      'trial idle-1: fail',
      'test idle: fail (max <= 1us: observed 2)',
      'problem: host node: gone',
    ]);
  });
});
