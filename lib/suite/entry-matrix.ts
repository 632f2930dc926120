import { checkMatrix, matrixKeys, matrixOf, noMatrix, type Matrix } from './matrix.js';
import { rawAt, type Located, type Site } from './mistakes.js';
import { parseWith } from './parse.js';
import type { Params } from './params.js';
import { compilePart, evaluatePart } from './part.js';
import { matrixSchema } from './schema.js';

/** Keys of a matrix that is wrong, so that not each of their uses is called unknown too. */
const looseKeys = (raw: unknown): readonly string[] => {
  if (typeof raw !== 'object' || raw === null) return [];
  const { include } = raw as { readonly include?: unknown };
  const more = Array.isArray(include)
    ? (include as unknown[]).flatMap((entry) => (typeof entry === 'object' && entry !== null ? Object.keys(entry) : []))
    : [];
  return [...Object.keys(raw), ...more];
};

interface CompiledMatrix {
  readonly matrix: Matrix;
  /** Names that the entry may use. */
  readonly keys: readonly string[];
  /** The matrix is wrong: its keys have no values. */
  readonly partial: boolean;
}

/** The matrix at a site; params may stand in it. What is wrong goes to `problems`. */
export const compileMatrix = (site: Site, params: Params, problems: Located[]): CompiledMatrix => {
  const raw = rawAt(site);
  if (raw === undefined) return { matrix: noMatrix, keys: [], partial: false };
  const part = compilePart(site, { names: params.names, secret: params.secret }, problems);
  const { value, problems: more } = evaluatePart(part, params.values, (input) => parseWith(matrixSchema, input));
  problems.push(...more);
  if (value === undefined) return { matrix: noMatrix, keys: looseKeys(raw), partial: true };
  const matrix = matrixOf(value);
  const findings = checkMatrix(matrix, params.names);
  problems.push(...findings.map((finding) => ({ site, finding })));
  return { matrix: findings.length === 0 ? matrix : noMatrix, keys: matrixKeys(matrix), partial: findings.length > 0 };
};
