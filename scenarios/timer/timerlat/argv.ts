import { Kvm4nfvError } from '../../../lib/plugin.js';
import type { TimerlatOptions } from './options.js';

export interface TimerlatPlacement {
  /** CPU lists. */
  readonly cpus: string;
  readonly houseKeeping?: string;
  /** Whether this machine's rtla knows a long option. A preview takes it that it knows all. */
  readonly has: (option: string) => boolean;
}

/** The long options that the help of a tool names. */
export const optionsIn = (help: string): ReadonlySet<string> => new Set(help.match(/--[a-z][a-z-]*/g) ?? []);

export const timerlatArgv = (
  options: TimerlatOptions,
  { cpus, houseKeeping, has }: TimerlatPlacement,
): readonly string[] => {
  const us = (ns: number): string => String(ns / 1000);
  const needed = (option: string, ...argv: readonly string[]): readonly string[] => {
    if (has(option)) return argv;
    throw new Kvm4nfvError('E_OPTION_MISSING', `rtla timerlat hist of this machine has no ${option}`, {
      hint: 'leave the option out, or install a newer rtla',
    });
  };
  const given = (value: number | undefined, option: string): readonly string[] =>
    value === undefined ? [] : [option, us(value)];
  return [
    ...['rtla', 'timerlat', 'hist', '-c', cpus, '-d', String(options.duration / 1e9), '-p', us(options.period)],
    ...['-b', String(options.bucket), '-E', String(options.entries)],
    ...(options.priority === undefined ? [] : ['-P', `f:${String(options.priority)}`]),
    ...(options.nanoseconds ? ['-n'] : []),
    ...given(options.stop_irq, '-i'),
    ...given(options.stop_thread, '-T'),
    ...given(options.stack, '-s'),
    ...given(options.auto, '-a'),
    ...(options.dma_latency === undefined ? [] : ['--dma-latency', us(options.dma_latency)]),
    // From 6.3 on rtla analyses by default, from 6.5 on it measures in user space: both cost and change what is measured.
    ...(options.auto_analysis ? needed('--no-aa') : has('--no-aa') ? ['--no-aa'] : []),
    ...(options.user_threads ? needed('--user-threads', '-u') : has('--kernel-threads') ? ['-k'] : []),
    ...(houseKeeping === undefined ? [] : needed('--house-keeping', '-H', houseKeeping)),
    ...(options.warm_up === undefined ? [] : needed('--warm-up', '--warm-up', String(options.warm_up / 1e9))),
  ];
};
