import { Kvm4nfvError } from '../error.js';
import { hostSchema, type HostSpec, type WrittenHost } from '../host/spec.js';
import { machinesOf } from './chains.js';
import type { Plan, PlannedTest } from './plan.js';
import { Redactor } from './redact.js';

const escaped = (value: unknown, hide: Redactor): unknown =>
  typeof value === 'string' ? hide.text(value).replaceAll('${', () => '$${') : value;

/** The hosts of these tests, and those that they are reached through, as they may be kept: without what is secret of them. */
export const hostsToStore = (plan: Plan, tests: Iterable<PlannedTest>): Record<string, WrittenHost> => {
  const used = new Set<string>();
  for (const test of tests)
    for (const name of machinesOf(plan, test))
      for (let at: string | undefined = name; at !== undefined && !used.has(at); at = plan.hosts.get(at)?.jump)
        used.add(at);
  const hide = new Redactor(plan.secrets);
  return Object.fromEntries(
    [...plan.hosts]
      .filter(([name]) => used.has(name))
      .map(([name, spec]) => [
        name,
        plan.writtenHosts?.get(name) ??
          Object.fromEntries(Object.entries(spec).map(([key, value]) => [key, escaped(value, hide)])),
      ]),
  );
};

type Environment = Readonly<Record<string, string | undefined>>;

/** A text with the values of the environment put in; `secrets` gets them. */
const resolved = (text: string, env: Environment, secrets: Set<string>): string =>
  text.replaceAll(/\$\$\{|\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}/g, (written, name?: string) => {
    if (name === undefined) return '${';
    const value = Object.hasOwn(env, name) ? env[name] : undefined;
    if (value === undefined)
      throw new Kvm4nfvError(
        'usage',
        `environment variable '${name}' is not set, and ${written} says how to reach it`,
        {
          hint: `set ${name} as it was when the run was started`,
        },
      );
    secrets.add(value);
    return value;
  });

const scalar = /^(?:true|false|0|[1-9]\d*)$/;

/** The environment knows only texts, and a port is a number. */
const typed = (input: WrittenHost): WrittenHost =>
  Object.fromEntries(
    Object.entries(input).map(([key, value]) => [
      key,
      typeof value === 'string' && scalar.test(value) ? (JSON.parse(value) as unknown) : value,
    ]),
  );

export interface StoredHost {
  readonly spec: HostSpec;
  /** What the environment gave. */
  readonly secrets: readonly string[];
}

/** A host as it was stored, to be reached again. A variable that is not set any more is a `usage` error. */
export const restoreHost = (name: string, written: WrittenHost, env: Environment): StoredHost => {
  const secrets = new Set<string>();
  const input = Object.fromEntries(
    Object.entries(written).map(([key, value]) => [
      key,
      typeof value === 'string' ? resolved(value, env, secrets) : value,
    ]),
  );
  for (const candidate of [input, typed(input)]) {
    const parsed = hostSchema.safeParse(candidate);
    if (parsed.success) return { spec: parsed.data, secrets: [...secrets] };
  }
  throw new Kvm4nfvError('usage', `the run says of host ${name} what is none`, { hint: 'see its events.ndjson' });
};
