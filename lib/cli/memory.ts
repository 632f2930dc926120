import { setFlagsFromString } from 'node:v8';

/** How V8 is to deal with memory during a run, or over thousands of tests. Only flags that it reads again and again can be set once it runs. */
const flags = [
  // Marking begins when memory is left over, and again some seconds after we fall quiet: 20 to 50 ms of CPU time amid the measured
  // window. Without it garbage is collected only when we ask for memory, which in the window we hardly do.
  '--no-incremental-marking',
  // Two hundred SSH handshakes would make the heap, the young generation above all, many times larger for good.
  '--semi-space-growth-factor=1',
  '--heap-growing-percent=20',
] as const;

export const tameMemory = (): void => {
  for (const flag of flags) setFlagsFromString(flag);
};
