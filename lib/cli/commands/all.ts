/**
 * The commands that load the whole library. One module, so that the bundle has few files: finding and reading a file takes
 * longer than compiling it. `validate` stands alone, since editors and hooks wait for it.
 */
export { cleanup } from './cleanup.js';
export { docs } from './docs.js';
export { doctor } from './doctor.js';
export { image } from './image.js';
export { list } from './list.js';
export { plan } from './plan.js';
export { report } from './report.js';
export { run } from './run.js';
export { schema } from './schema.js';
export { tune } from './tune.js';
