import { localHost } from '../../../lib/host/local.js';
import { applyTuning } from '../../../lib/tuning/engine.js';
import { messageOf } from '../../../lib/error.js';
import { tuningOf } from '../machine.js';

// In a mount namespace of its own whose file systems somebody has made worse: what applying a knob says.
const [spec = '{}'] = process.argv.slice(2);
const tuning = await tuningOf(JSON.parse(spec) as Parameters<typeof tuningOf>[0]);
const told = async (): Promise<unknown> => {
  try {
    const applied = await applyTuning(localHost(), 'test-masked', tuning);
    const { complete } = await applied.restore();
    return { results: applied.results, complete };
  } catch (error) {
    return { error: messageOf(error) };
  }
};
process.stdout.write(JSON.stringify(await told()));
