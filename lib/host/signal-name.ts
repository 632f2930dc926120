import { constants } from 'node:os';

const byNumber = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name]));

/** `SIGKILL` for 9; undefined for what is no signal. */
export const signalName = (number: number): string | undefined => byNumber.get(number);
