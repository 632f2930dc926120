/** Parameters that may stand several times with different values; one more is added, none is replaced. */
const repeatable = new Set([
  'console',
  'earlycon',
  'mce',
  'memmap',
  'acpi_osi',
  'video',
  'ip',
  'initrd',
  'early_param',
]);

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

/** `-` and `_` are the same in a parameter's name. */
export const parameterName = (parameter: string): string =>
  parameter.replace(/^"/, '').split('=', 1)[0]?.replaceAll('-', '_') ?? '';
/** Undefined where the parameter is a plain word. Quotes around the value, or around the whole, are no part of it. */
export const parameterValue = (parameter: string): string | undefined => {
  const whole = parameter.startsWith('"') ? parameter.replaceAll('"', '') : parameter;
  const mark = whole.indexOf('=');
  return mark < 0 ? undefined : whole.slice(mark + 1).replaceAll('"', '');
};
const same = (a: string, b: string): boolean =>
  parameterName(a) === parameterName(b) && parameterValue(a) === parameterValue(b);

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
const sizes: Readonly<Record<string, number>> = { k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };
const sizeOf = (value: string): string => {
  const match = /^(\d+)([kmg]?)$/i.exec(value);
  return match === null ? value : String(Number(match[1]) * (sizes[(match[2] ?? '').toLowerCase()] ?? 1));
};

const unitsOf = (tokens: readonly string[]): Unit[] => {
  const units: Unit[] = [];
  let size: string | undefined;
  for (const token of tokens) {
    const name = parameterName(token);
    if (name === 'hugepagesz') {
      size = token;
      units.push({ key: `hugepages ${sizeOf(parameterValue(token) ?? '')}`, tokens: [token] });
    } else if (name === 'hugepages' && size !== undefined) {
      const last = units.findLastIndex((unit) => unit.tokens[0] === size && unit.tokens.length === 1);
      units[last] = { key: units[last]?.key ?? '', tokens: [size, token] };
      size = undefined;
    } else if (name === 'hugepages') units.push({ key: 'hugepages default', tokens: [token] });
    else units.push({ key: repeatable.has(name) ? `${name}=${parameterValue(token) ?? ''}` : name, tokens: [token] });
  }
  return units;
};

/** Merges parameters into a command line: a value replaces the value that is there, hugepagesz/hugepages pairs count as one, order is kept. Idempotent. */
export const mergeCmdline = (current: string, wanted: readonly string[]): string => {
  const [kernel, init] = partAtInit(splitCmdline(current));
  const units = unitsOf(kernel);
  for (const unit of unitsOf(wanted.flatMap(splitCmdline))) {
    const first = units.findIndex(({ key }) => key === unit.key);
    if (first < 0) units.push(unit);
    else {
      units[first] = unit;
      for (let index = units.length - 1; index > first; index--)
        if (units[index]?.key === unit.key) units.splice(index, 1);
    }
  }
  return [...units.flatMap(({ tokens }) => tokens), ...init].join(' ');
};

/** The parameters of `wanted` that a command line does not carry to effect. */
export const missingParameters = (cmdline: string, wanted: readonly string[]): string[] => {
  const units = unitsOf(partAtInit(splitCmdline(cmdline))[0]);
  return unitsOf(wanted.flatMap(splitCmdline))
    .filter((unit) => {
      // Of a parameter that stands twice the kernel takes the last.
      const there = units.findLast(({ key }) => key === unit.key);
      return (
        there?.tokens.length !== unit.tokens.length ||
        !unit.tokens.every((token, index) => same(token, there.tokens[index] ?? ''))
      );
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
