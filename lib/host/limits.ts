/*
 * What is taken of what a machine sends, and how long it may take. A machine that is measured may be broken or hostile: whatever
 * it does, we end, and neither our memory nor our disk is full then.
 */

const mebibyte = 2 ** 20;

/** Bytes of a file that is read as text. The largest results of tools, of a thousand CPUs, have a few. */
export const maxText = 16 * mebibyte;

/** Bytes of a file that is downloaded, where nobody says how large it may be. */
export const maxDownload = 1024 * mebibyte;

/** Bytes of each raw file of a trial that are kept; of more, the first and the last half. */
export const maxRaw = 64 * mebibyte;

/** Bytes of what a tool says that are looked at for its warnings and its last words: the first and the last half. */
export const maxWords = 128 * 1024;

/** Bytes that a command may say beyond what is kept of it: who says more will not stop. */
export const maxFlood = 256 * mebibyte;

/** Milliseconds for a command of which nobody says how long it takes: it hangs then, whatever it does. */
export const longestCommand = 60 * 60_000;

const slowestLink = 128 * 1024;
const transferStart = 60_000;

/** Milliseconds in which so many bytes come over a line of 1 Mbit/s, from a machine that is slow to begin. */
export const transferTime = (bytes: number): number => transferStart + (bytes / slowestLink) * 1000;
