import type { OsnoiseOptions } from './options.js';

export interface OsnoisePlacement {
  /** CPU lists. */
  readonly cpus: string;
  readonly houseKeeping?: string;
}

/** With bins of 1 us: of wider ones rtla tells min, max and mean only as well as the bins do. */
export const osnoiseArgv = (options: OsnoiseOptions, { cpus, houseKeeping }: OsnoisePlacement): readonly string[] => {
  const given = (value: number | undefined, option: string): readonly string[] =>
    value === undefined ? [] : [option, String(value / 1000)];
  return [
    ...['rtla', 'osnoise', 'hist', '-c', cpus, '-d', String(options.duration / 1e9), '-b', '1'],
    ...['-E', String(options.entries)],
    ...given(options.period, '-p'),
    ...given(options.runtime, '-r'),
    ...given(options.threshold, '-T'),
    ...given(options.stop, '-s'),
    ...given(options.auto, '-a'),
    ...(options.priority === undefined ? [] : ['-P', `f:${String(options.priority)}`]),
    ...(houseKeeping === undefined ? [] : ['-H', houseKeeping]),
    ...(options.warm_up === undefined ? [] : ['--warm-up', String(options.warm_up / 1e9)]),
  ];
};
