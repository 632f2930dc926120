import { randomBytes } from 'node:crypto';

/** `20261122-174501-timer-3f9a`: sorts by time, tells the suite, and is fit for file names and libvirt names. */
export const newRunId = (suite: string, now: Date = new Date()): string => {
  const stamp = now.toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-');
  const slug = fileName(suite).slice(0, 30);
  return `${stamp}-${slug}-${randomBytes(2).toString('hex')}`;
};

/** A name from YAML as a file name: what is not a letter, digit, `.`, `_` or `-` becomes `-`; it begins with a letter or digit. */
export const fileName = (name: string): string => {
  const safe = name
    .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[._-]+/, '')
    .replace(/-+$/, '');
  return safe === '' ? 'unnamed' : safe.slice(0, 100);
};
