import {
  canonicalValue,
  grammarOf,
  isolationOf,
  optionsOf,
  parameterName,
  parameterValue,
  rivalsOf,
  sizeOf,
} from './boot/grammar.js';

export { parameterName, parameterValue } from './boot/grammar.js';

/** Parameters of a kernel command line, quotes kept as they are; blanks inside double quotes part nothing. */
export const splitCmdline = (cmdline: string): string[] => {
  const tokens: string[] = [];
  let token = '';
  let quoted = false;
  for (const character of cmdline) {
    if (character === '"') quoted = !quoted;
    if (!quoted && /\s/.test(character)) {
      if (token !== '') tokens.push(token);
      token = '';
    } else token += character;
  }
  return token === '' ? tokens : [...tokens, token];
};

const same = (a: string, b: string): boolean =>
  parameterName(a) === parameterName(b) && canonicalValue(a) === canonicalValue(b);

/** What stands behind ` -- ` is for init and never touched. */
const partAtInit = (tokens: readonly string[]): [string[], string[]] => {
  const mark = tokens.indexOf('--');
  return mark < 0 ? [[...tokens], []] : [tokens.slice(0, mark), tokens.slice(mark)];
};

/** `hugepages=` counts pages of the `hugepagesz=` before it, else of the default size: the two belong together. */
interface Unit {
  readonly key: string;
  readonly tokens: readonly string[];
}
const first = ({ tokens }: Unit): string => tokens[0] ?? '';

/** That of x86, where nothing else is given. */
const usualSize = '2M';

const unitsOf = (tokens: readonly string[], context: readonly string[] = tokens): Unit[] => {
  const units: Unit[] = [];
  const given = context.findLast((token) => parameterName(token) === 'default_hugepagesz');
  const usual = sizeOf(parameterValue(given ?? '') ?? usualSize);
  let size: string | undefined;
  for (const token of tokens) {
    const name = parameterName(token);
    const value = parameterValue(token);
    if (name === 'hugepagesz') {
      size = token;
      units.push({ key: `hugepages ${sizeOf(value ?? '')}`, tokens: [token] });
    } else if (name === 'hugepages' && size !== undefined) {
      const last = units.findLastIndex((unit) => unit.tokens[0] === size && unit.tokens.length === 1);
      units[last] = { key: units[last]?.key ?? '', tokens: [size, token] };
      size = undefined;
    } else if (name === 'hugepages') units.push({ key: `hugepages ${usual}`, tokens: [token] });
    else units.push({ key: grammarOf(token).kind === 'list' ? `${name}=${value ?? ''}` : name, tokens: [token] });
  }
  return units;
};

const countOf = ({ tokens }: Unit): string | undefined => canonicalValue(tokens.at(-1) ?? '');
const isPages = ({ key }: Unit): boolean => key.startsWith('hugepages ');

const hasOptions = (there: readonly Unit[], wanted: Unit): boolean => {
  const grammar = grammarOf(first(wanted));
  if (grammar.kind !== 'options') return false;
  const held = there.flatMap((unit) => optionsOf(first(unit), grammar));
  return optionsOf(first(wanted), grammar).every(
    (option) => held.includes(option) && !rivalsOf(wanted.key, option, grammar).some((rival) => held.includes(rival)),
  );
};

const hasIsolation = (there: readonly Unit[], wanted: Unit): boolean => {
  const { flags, cpus } = isolationOf(parameterValue(first(wanted)) ?? '');
  const held = there.map((unit) => isolationOf(parameterValue(first(unit)) ?? ''));
  // A second list of other CPUs is refused by some kernels and added by others.
  return held.every((one) => one.cpus === cpus) && flags.every((flag) => held.some((one) => one.flags.includes(flag)));
};

/** Whether units of one key carry what is wanted of it to effect. */
const carries = (there: readonly Unit[], wanted: Unit): boolean => {
  if (there.length === 0) return false;
  // Of a size that stands twice some kernels take the first count, some the last.
  if (isPages(wanted))
    return there.every((unit) => countOf(unit) === countOf(wanted)) && there.every(({ tokens }) => tokens.length > 0);
  switch (grammarOf(first(wanted)).kind) {
    case 'options':
      return hasOptions(there, wanted);
    case 'isolation':
      return hasIsolation(there, wanted);
    case 'list':
      return true;
    case 'value': {
      // Of a parameter that stands twice the kernel takes the last.
      const last = there.at(-1);
      return last !== undefined && (same(first(last), first(wanted)) || givesAll(last, wanted));
    }
  }
};

/** Every CPU offloaded is those that are wanted, too. */
const givesAll = (there: Unit, wanted: Unit): boolean =>
  wanted.key === 'rcu_nocbs' && canonicalValue(first(wanted)) !== undefined && canonicalValue(first(there)) === 'all';

/** The options of a unit with more, or without some; undefined where none is left. */
const withOptions = (unit: Unit, change: (options: readonly string[]) => readonly string[]): Unit | undefined => {
  const grammar = grammarOf(first(unit));
  if (grammar.kind !== 'options') return unit;
  const changed = change(optionsOf(first(unit), grammar));
  const name = first(unit).replaceAll('"', '').split('=', 1)[0] ?? '';
  return changed.length === 0 ? undefined : { key: unit.key, tokens: [`${name}=${changed.join(',')}`] };
};

const addOptions = (units: readonly Unit[], wanted: Unit): Unit[] => {
  const grammar = grammarOf(first(wanted));
  if (grammar.kind !== 'options') return [...units];
  const more = optionsOf(first(wanted), grammar);
  const rivals = more.flatMap((option) => rivalsOf(wanted.key, option, grammar));
  const held: Unit[] = [];
  let at = -1;
  for (const unit of units) {
    const own = unit.key === wanted.key && grammarOf(first(unit)).kind === 'options';
    if (own && at < 0) at = held.length;
    const kept = own ? withOptions(unit, (options) => options.filter((option) => !rivals.includes(option))) : unit;
    if (kept !== undefined) held.push(kept);
  }
  const own = held.filter((unit) => unit.key === wanted.key && grammarOf(first(unit)).kind === 'options');
  if (hasOptions(own, wanted)) return held;
  const [old] = own;
  if (grammar.separator === undefined || old === undefined) held.splice(at < 0 ? held.length : at, 0, wanted);
  else held[held.indexOf(old)] = withOptions(old, (options) => [...new Set([...more, ...options])]) ?? wanted;
  return held;
};

/** What takes the place of those that are there: their flags are kept where they isolate the same CPUs. */
const replacement = (there: readonly Unit[], wanted: Unit): Unit => {
  if (grammarOf(first(wanted)).kind !== 'isolation') return wanted;
  const { flags, cpus } = isolationOf(parameterValue(first(wanted)) ?? '');
  const held = there.map((unit) => isolationOf(parameterValue(first(unit)) ?? ''));
  if (held.length === 0 || held.some((one) => one.cpus !== cpus)) return wanted;
  const all = [...new Set([...flags, ...held.flatMap((one) => one.flags)])];
  return { key: wanted.key, tokens: [`isolcpus=${all.join(',')},${cpus}`] };
};

const place = (units: readonly Unit[], wanted: Unit): Unit[] => {
  const there = units.filter(({ key }) => key === wanted.key);
  if (carries(there, wanted)) return [...units];
  if (grammarOf(first(wanted)).kind === 'options') return addOptions(units, wanted);
  if (there.length === 0) return [...units, wanted];
  const fresh = replacement(there, wanted);
  return units.flatMap((unit) => {
    if (unit.key !== wanted.key) return [unit];
    return unit === there[0] ? [fresh] : [];
  });
};

/** With another default size a bare `hugepages=512` would be 512 pages of that one, and no memory left to boot with: it keeps the size that it has. */
const withSizes = (units: readonly Unit[], wanted: readonly string[]): Unit[] => {
  const named = (name: string, tokens: readonly string[]): string | undefined =>
    tokens.findLast((token) => parameterName(token) === name);
  const given = named(
    'default_hugepagesz',
    units.flatMap(({ tokens }) => tokens),
  );
  const [old, fresh] = [given, named('default_hugepagesz', wanted)].map((token) => parameterValue(token ?? ''));
  if (fresh === undefined || sizeOf(fresh) === sizeOf(old ?? usualSize)) return [...units];
  const bare = units.findIndex(({ tokens }) => /^hugepagesz?$/.test(parameterName(tokens[0] ?? '')));
  if (parameterName(units[bare]?.tokens[0] ?? '') !== 'hugepages') return [...units];
  return units.map((unit, index) =>
    index === bare ? { ...unit, tokens: [`hugepagesz=${old ?? usualSize}`, ...unit.tokens] } : unit,
  );
};

/**
 * Merges parameters into a command line: a value replaces the value that is there, options are added to those that are
 * there, hugepagesz/hugepages pairs count as one, order is kept. What is there in another spelling stays. Idempotent.
 */
export const mergeCmdline = (current: string, wanted: readonly string[]): string => {
  const [kernel, init] = partAtInit(splitCmdline(current));
  const more = wanted.flatMap(splitCmdline);
  const units = unitsOf(more, [...kernel, ...more]).reduce(place, withSizes(unitsOf(kernel), more));
  return [...units.flatMap(({ tokens }) => tokens), ...init].join(' ');
};

/** The parameters of `wanted` that a command line does not carry to effect. */
export const missingParameters = (cmdline: string, wanted: readonly string[]): string[] => {
  const [kernel] = partAtInit(splitCmdline(cmdline));
  const units = unitsOf(kernel);
  return unitsOf(wanted.flatMap(splitCmdline), [...kernel, ...wanted])
    .filter((unit) => {
      const there = units.filter(({ key }) => key === unit.key);
      return !carries(there, unit);
    })
    .flatMap(({ tokens }) => tokens);
};

/** What a command line says of a parameter: its value, the empty text for a plain word, undefined where it is not there. */
export const parameterOf = (cmdline: string, name: string): string | undefined => {
  const found = partAtInit(splitCmdline(cmdline))[0].findLast(
    (token) => parameterName(token) === name.replaceAll('-', '_'),
  );
  return found === undefined ? undefined : (parameterValue(found) ?? '');
};

export interface CmdlineDiff {
  readonly removed: readonly string[];
  readonly added: readonly string[];
  readonly kept: readonly string[];
}

export const diffCmdline = (before: string, after: string): CmdlineDiff => {
  const old = unitsOf(splitCmdline(before)).map(({ tokens }) => tokens.join(' '));
  const fresh = unitsOf(splitCmdline(after)).map(({ tokens }) => tokens.join(' '));
  return {
    removed: old.filter((unit) => !fresh.includes(unit)),
    added: fresh.filter((unit) => !old.includes(unit)),
    kept: fresh.filter((unit) => old.includes(unit)),
  };
};

/** `- isolcpus=3` and `+ isolcpus=2-5` lines; empty where nothing changes. */
export const renderCmdlineDiff = ({ removed, added }: CmdlineDiff): string =>
  [...removed.map((unit) => `- ${unit}`), ...added.map((unit) => `+ ${unit}`)].join('\n');
