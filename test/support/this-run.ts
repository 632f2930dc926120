import { Leftovers } from './leftovers.js';

/** Of this process: made before any file of tests is loaded, since some make directories while they are. */
export const leftovers = new Leftovers();
