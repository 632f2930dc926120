import type { Place } from './knob.js';
import { keyOf, type Request, type Snapshot } from './reading.js';

export const requestOf = (place: Place): Request =>
  place.kind === 'file' ? { kind: 'files', glob: place.path } : place;

/** What a place shows; of a command its output, or `exit-N` where it printed nothing. Undefined where there is nothing to see. */
export const readPlace = (now: Snapshot, place: Place): string | undefined => {
  switch (place.kind) {
    case 'file':
      return now.files.get(place.path);
    case 'link':
      return now.links.get(place.path) ?? 'none';
    case 'command': {
      const output = now.commands.get(keyOf(place));
      // 126 and 127: the command itself could not be run, so it says nothing of the place.
      if (output === undefined || output.exitCode === 126 || output.exitCode === 127) return undefined;
      return output.stdout.trim() === '' ? `exit-${String(output.exitCode)}` : output.stdout;
    }
  }
};

export const describePlace = (place: Place): string => (place.kind === 'command' ? place.argv.join(' ') : place.path);
