import { randomUUID } from 'node:crypto';
import type { Host } from '../../../lib/host/host.js';
import { localHost } from '../../../lib/host/local.js';
import type { HostSpec } from '../../../lib/host/spec.js';
import type { Definition } from '../../../lib/lab/definition.js';
import { startVirtualHost } from '../../../lib/lab/start.js';
import { savedState } from '../../../lib/lab/state.js';
import type { VirtualHost } from '../../../lib/lab/virtual-host.js';
import { labDefinition } from '../../lab/lab.js';

/** An emulated host for tests to tune, and how a suite, or another process, reaches it. */
export interface LabMachine extends AsyncDisposable {
  readonly machine: VirtualHost;
  readonly definition: Definition;
  readonly host: Host;
  readonly spec: HostSpec;
  /** What a shell script prints. */
  text(script: string, ...values: readonly string[]): Promise<string>;
}

/** Starts one from the saved state; where none is cached it gives the reason. */
export const startLabMachine = async (): Promise<LabMachine | string> => {
  const local = localHost();
  const definition = await labDefinition(local);
  if (typeof definition === 'string') return definition;
  const run = `tunetest-${randomUUID().slice(0, 8)}`;
  const machine = await startVirtualHost(local, definition, {
    run,
    name: 'dut',
    state: await savedState(local, definition, { run }),
  });
  try {
    const host = await machine.connect();
    return {
      machine,
      definition,
      host,
      spec: machine.spec,
      text: async (script, ...values) =>
        (await host.exec(['sh', '-euc', script, 'sh', ...values], { timeout: 120_000 })).stdout.trim(),
      [Symbol.asyncDispose]: async () => {
        await host[Symbol.asyncDispose]();
        await machine[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await machine[Symbol.asyncDispose]();
    throw error;
  }
};
