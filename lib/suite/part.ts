import type { Finding } from './findings.js';
import { below, rawAt, type Located, type Site } from './mistakes.js';
import type { Parsed } from './parse.js';
import { valueAt, type Path } from './tree.js';
import { compileTemplate, type Scope, type Template, type Vocabulary } from './template.js';

/** A place of the suite with its substitutions found. */
export interface Part {
  readonly site: Site;
  readonly template: Template;
  /** Its substitutions are wrong, which has been said: it has no value. */
  readonly broken: boolean;
}

export const compilePart = (site: Site, known: Vocabulary, problems: Located[]): Part => {
  const findings: Finding[] = [];
  const template = compileTemplate(rawAt(site), known, findings);
  problems.push(...findings.map((finding) => ({ site, finding })));
  return { site, template, broken: findings.length > 0 };
};

/** Takes values of the environment out of what is said about a part. */
export const conceal = (template: Template, findings: readonly Finding[]): readonly Finding[] => {
  if (template.secretPlaces.size === 0) return findings;
  return findings.map((finding) => {
    for (let length = finding.path.length; length >= 0; length--) {
      const written = template.secretPlaces.get(JSON.stringify(finding.path.slice(0, length)));
      if (written === undefined) continue;
      const { path, code, expected } = finding;
      return {
        path,
        code,
        message: `what '${written}' gives does not fit here`,
        ...(expected === undefined ? {} : { expected }),
      };
    }
    const clean = (text: string): string => {
      let shown = text;
      // Of one or two letters a replacement would garble the text and hide nothing.
      for (const [secret, written] of template.secrets)
        if (secret.length > 2)
          shown = shown.replaceAll(secret, written).replaceAll(JSON.stringify(secret).slice(1, -1), written);
      return shown;
    };
    return {
      ...finding,
      message: clean(finding.message),
      ...(finding.hint === undefined ? {} : { hint: clean(finding.hint) }),
    };
  });
};

const onlyPlaceholder = /^\$\{[^{}]+\}$/;
const scalar = /^(?:true|false|-?(?:0|[1-9]\d*)(?:\.\d+)?)$/;

/** What a `${...}` gives as the other kind: the environment and the command line know only texts, a param may be a number. */
const otherKind = (value: unknown): unknown => {
  if (typeof value === 'string') return scalar.test(value) ? (JSON.parse(value) as unknown) : value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;
};

const isAtOrBelow = (path: Path, place: Path): boolean => place.every((step, index) => path[index] === step);

/** A value that takes what whole `${...}` gave as the other kind at the places that don't fit; `raw` is what is written. */
const retyped = (value: unknown, raw: unknown, places: readonly Path[], path: Path = []): unknown => {
  if (typeof raw === 'string')
    return onlyPlaceholder.test(raw) && places.some((place) => isAtOrBelow(path, place)) ? otherKind(value) : value;
  const item = ([key, one]: readonly [string | number, unknown]): unknown =>
    retyped(one, valueAt(raw, [key]), places, [...path, key]);
  if (Array.isArray(value)) return [...value.entries()].map(item);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map((entry) => [entry[0], item(entry)]));
};

/** An offset into a text counts only where nothing was put into the text. */
const unshifted = (finding: Finding, site: Site, input: unknown): Finding => {
  const { offset, ...rest } = finding;
  return offset === undefined || rawAt(below(site, ...finding.path)) === valueAt(input, finding.path) ? finding : rest;
};

export interface Evaluated<T> {
  /** As substituted, before parsing. */
  readonly input: unknown;
  readonly value: T | undefined;
  readonly problems: readonly Located[];
}

/** Substitutes and parses. Where what a whole `${...}` gives does not fit as a text, it is tried as a number, and the other way round. */
export const evaluatePart = <T>(
  { site, template, broken }: Part,
  scope: Scope,
  parse: (input: unknown) => Parsed<T>,
): Evaluated<T> => {
  if (broken) return { input: undefined, value: undefined, problems: [] };
  const missing: Finding[] = [];
  const input = template.evaluate(scope, missing);
  const problems = (findings: readonly Finding[]) => findings.map((finding) => ({ site, finding }));
  if (missing.length > 0) return { input, value: undefined, problems: problems(missing) };
  const parsed = parse(input);
  if (parsed.ok) return { input, value: parsed.value, problems: [] };
  if (template.names.length > 0 || template.secretPlaces.size > 0) {
    const places = parsed.findings.map(({ path }) => path);
    const again = retyped(input, rawAt(site), places);
    const second = parse(again);
    if (second.ok) return { input: again, value: second.value, problems: [] };
  }
  return {
    input,
    value: parsed.partial,
    problems: problems(conceal(template, parsed.findings).map((finding) => unshifted(finding, site, input))),
  };
};
