import { z } from '../../lib/plugin.js';
import { cyclictestOptions } from './cyclictest/options.js';
import { osnoiseOptions } from './osnoise/options.js';
import { oslatOptions } from './oslat/options.js';
import { timerlatOptions } from './timerlat/options.js';

export const timerOptions = z.discriminatedUnion('tool', [
  cyclictestOptions,
  oslatOptions,
  timerlatOptions,
  osnoiseOptions,
]);
export type TimerOptions = z.output<typeof timerOptions>;
