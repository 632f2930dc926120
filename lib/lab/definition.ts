import type { BuiltImage } from '../image/built-image.js';
import type { VirtualHostOptions } from './options.js';
import type { QemuTree } from './tree.js';

/** What a virtual host is and what it is made from. */
export interface Definition {
  readonly options: VirtualHostOptions;
  readonly image: BuiltImage;
  readonly tree: QemuTree;
  /** The host's image cache, which the machine then sees at the same place, read-only. */
  readonly images?: string;
}
