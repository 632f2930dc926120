import { setFlagsFromString } from 'node:v8';

/** How V8 is to deal with memory during a run. Only flags that it reads again and again can be set once it runs. */
const flags = [
  // 8 s after we fall quiet it would mark all memory to give some back: 20 to 50 ms of CPU time amid the measured window.
  '--gc-memory-reducer-start-delay-ms=86400000',
  // Two hundred SSH handshakes would make the young generation 16 times larger, for good.
  '--semi-space-growth-factor=1',
  '--heap-growing-percent=50',
] as const;

export const tameMemory = (): void => {
  for (const flag of flags) setFlagsFromString(flag);
};
