import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Deployment } from '../../../lib/contexts/context.js';
import { deployGuest } from '../../../lib/contexts/kvm-guest/deploy.js';
import { kvmGuestOptions } from '../../../lib/contexts/kvm-guest/options.js';
import { readFacts, type HostFacts } from '../../../lib/host/facts.js';
import type { Host } from '../../../lib/host/host.js';
import { localHost } from '../../../lib/host/local.js';
import { removeRun } from '../../../lib/host/runs.js';
import { noLibvirtd } from '../../support/libvirtd.js';
import '../../support/slow.js';

/** Why no guest can be made here; undefined where one can. */
export const noGuests = async (): Promise<string | undefined> => {
  const reason = await noLibvirtd();
  if (reason !== undefined) return reason;
  return existsSync('/usr/bin/mmdebstrap') ? undefined : 'mmdebstrap is not installed';
};

/** Skips what follows, and says why, where no guest can be made. */
export const needGuests = async (context: Mocha.Context): Promise<void> => {
  const reason = await noGuests();
  if (reason === undefined) return;
  console.log(`    no guests: ${reason}`);
  context.skip();
};

export interface DeployOptions {
  readonly signal?: AbortSignal;
  /** Called with each stage as it is reached. */
  readonly at?: (stage: string) => void;
}

/** This machine as the host of the guests of one run; disposing takes down what is still there. */
export class GuestRun implements AsyncDisposable {
  readonly run: string;
  readonly host: Host = localHost('local');
  readonly directory: string;
  readonly facts: HostFacts;
  readonly #made: Deployment[] = [];

  private constructor(run: string, directory: string, facts: HostFacts) {
    this.run = run;
    this.directory = directory;
    this.facts = facts;
  }

  static async open(title: string): Promise<GuestRun> {
    const directory = await mkdtemp(join(tmpdir(), 'kvm4nfv-guests-'));
    const run = `test-${title}-${String(process.pid)}-${Date.now().toString(36)}`;
    return new GuestRun(run, directory, await readFacts(localHost()));
  }

  /** A small guest, with these options put over its own. */
  async deploy(name: string, options: object = {}, { signal, at }: DeployOptions = {}): Promise<Deployment> {
    const parsed = kvmGuestOptions.parse({ vcpus: 1, memory: '512MiB', boot_timeout: '10m', ...options });
    const deployment = await deployGuest(parsed, {
      run: this.run,
      name,
      host: this.host,
      facts: this.facts,
      signal: signal ?? new AbortController().signal,
      directory: join(this.directory, name),
      progress: (stage) => at?.(stage),
    });
    this.#made.push(deployment);
    return deployment;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const deployment of this.#made.reverse()) await deployment[Symbol.asyncDispose]();
    await removeRun(this.host, this.run);
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** What a command of the guest prints. */
export const printed = async ({ sut }: Deployment, ...argv: readonly string[]): Promise<string> =>
  (await sut.exec(argv, { timeout: 120_000 })).stdout.trim();
