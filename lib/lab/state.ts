import { randomUUID } from 'node:crypto';
import type { Host } from '../host/host.js';
import type { Definition } from './definition.js';
import type { LabOptions } from './places.js';
import { findState, saveState, stateDigest, type SavedState } from './saved.js';
import { startVirtualHost } from './start.js';

export interface SavedStateOptions extends LabOptions {
  /** Run that the machine which is booted for it belongs to. */
  readonly run: string;
  readonly progress?: (stage: string) => void;
}

const underway = new Map<string, Promise<SavedState>>();

const make = async (host: Host, definition: Definition, options: SavedStateOptions): Promise<SavedState> => {
  const found = await findState(host, definition, options);
  if (found !== undefined) return found;
  options.progress?.('booting a virtual host to be saved');
  const name = `save-${randomUUID().slice(0, 8)}`;
  const bare = { ...definition, options: { ...definition.options, vfs: 0 } };
  const machine = await startVirtualHost(host, bare, { ...options, name });
  try {
    options.progress?.('saving it');
    return await saveState(machine, bare, options);
  } finally {
    await machine[Symbol.asyncDispose]();
  }
};

/**
 * The saved state of a definition, made by one boot where there is none. Callers in one process share that boot; of two
 * processes each may do it, and both get the state of the first.
 */
export const savedState = (host: Host, definition: Definition, options: SavedStateOptions): Promise<SavedState> => {
  const key = `${host.name} ${options.directory ?? ''} ${stateDigest(definition)}`;
  const already = underway.get(key);
  if (already !== undefined) return already;
  const made = make(host, definition, options).finally(() => {
    underway.delete(key);
  });
  underway.set(key, made);
  return made;
};
