import ts from 'typescript';
import { changesOf, type Change } from './operators.js';

/** One change of one place of the source. */
export interface Mutant {
  readonly id: number;
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** The whole line without its indentation: finds the place again where others have changed the file above it. */
  readonly code: string;
  /** `a < b → a <= b`. */
  readonly change: string;
}

export interface Instrumented {
  readonly text: string;
  readonly mutants: readonly Mutant[];
}

/** Words for readers: what they say is looked at by golden files of whole answers, if at all. */
const prose = new Set([
  'summary',
  'description',
  'hint',
  'why',
  'costs',
  'mend',
  'source',
  'what',
  'message',
  'reason',
]);

const saidIn = (node: ts.Node): string => {
  if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) return node.text;
  return ts.isTemplateExpression(node)
    ? [node.head.text, ...node.templateSpans.map(({ literal }) => literal.text)].join('x')
    : '';
};

/** Three words make a sentence: nothing is done with it but shown. The code of a custom issue of zod has one value. */
const isProse = (node: ts.Node): boolean =>
  (ts.isStringLiteral(node) && node.text === 'custom') ||
  /\p{L}{2} (?:\S+ )+\p{L}/u.test(saidIn(node)) ||
  (ts.isPropertyAssignment(node) && prose.has(node.name.getText())) ||
  (ts.isNewExpression(node) && /(Error|Mistake)$/.test(node.expression.getText()));

/** Types have no effect; names and tags are no values. */
const isPassive = (node: ts.Node): boolean =>
  ts.isTypeNode(node) ||
  ts.isImportDeclaration(node) ||
  ts.isExportDeclaration(node) ||
  ts.isInterfaceDeclaration(node) ||
  ts.isTypeAliasDeclaration(node) ||
  ts.isTaggedTemplateExpression(node) ||
  (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword);

const isName = (node: ts.Node): boolean =>
  !ts.isSourceFile(node) &&
  !ts.isComputedPropertyName(node) &&
  (('name' in node.parent && node.parent.name === node) ||
    ('propertyName' in node.parent && node.parent.propertyName === node));

const brief = (text: string): string => {
  const line = text.replaceAll(/\s+/g, ' ');
  return line.length > 70 ? `${line.slice(0, 67)}...` : line;
};

class Instrumenter {
  readonly mutants: Mutant[] = [];
  readonly #source: ts.SourceFile;
  readonly #text: string;
  readonly #next: () => number;

  constructor(file: string, text: string, next: () => number) {
    this.#source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2023, true);
    this.#text = text;
    this.#next = next;
  }

  /** The text of a node, from its first token on, with all its mutants to choose from. */
  text(node: ts.Node = this.#source): string {
    if (isPassive(node) || isProse(node)) return node.getText(this.#source);
    const below = this.#below(node);
    if (ts.isSourceFile(node) || isName(node)) return below;
    return changesOf(node).reduce((inner, change) => this.#choice(change, inner), below);
  }

  /** The node's own text around that of its children. */
  #below(node: ts.Node): string {
    const start = node.getStart(this.#source);
    let [text, at] = ['', start];
    node.forEachChild((child) => {
      const from = child.getStart(this.#source);
      if (from < at) return;
      text += this.#text.slice(at, from) + this.text(child);
      at = child.end;
    });
    return text + this.#text.slice(at, node.end);
  }

  #choice({ node, text, kind }: Change, inner: string): string {
    const id = this.#next();
    const start = node.getStart(this.#source);
    const line = this.#source.getLineAndCharacterOfPosition(start).line;
    this.mutants.push({
      id,
      file: this.#source.fileName,
      line: line + 1,
      code: (this.#text.split('\n')[line] ?? '').trim(),
      change: `${brief(node.getText())} → ${text === '' ? '(removed)' : brief(text)}`,
    });
    return kind === 'expression'
      ? `(mutant(${String(id)}) ? (${text}) : (${inner}))`
      : `{ if (!mutant(${String(id)})) { ${inner} } }`;
  }
}

/** All mutants of a file in one text: `mutant(id)`, a global function, says which one is on. */
export const instrument = (file: string, text: string, next: () => number): Instrumented => {
  const instrumenter = new Instrumenter(file, text, next);
  return { text: instrumenter.text(), mutants: instrumenter.mutants };
};
