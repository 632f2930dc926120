import ts from 'typescript';

/** Another text for a piece of source. */
export interface Change {
  readonly node: ts.Node;
  readonly text: string;
  /** An expression is chosen by a condition within its own expression, a statement by one around it. */
  readonly kind: 'expression' | 'statement';
}

const swapped: ReadonlyMap<ts.SyntaxKind, readonly string[]> = new Map([
  [ts.SyntaxKind.LessThanToken, ['<=', '>=']],
  [ts.SyntaxKind.LessThanEqualsToken, ['<', '>']],
  [ts.SyntaxKind.GreaterThanToken, ['>=', '<=']],
  [ts.SyntaxKind.GreaterThanEqualsToken, ['>', '<']],
  [ts.SyntaxKind.EqualsEqualsEqualsToken, ['!==']],
  [ts.SyntaxKind.ExclamationEqualsEqualsToken, ['===']],
  [ts.SyntaxKind.AmpersandAmpersandToken, ['||']],
  [ts.SyntaxKind.BarBarToken, ['&&']],
  [ts.SyntaxKind.QuestionQuestionToken, ['&&']],
  [ts.SyntaxKind.PlusToken, ['-']],
  [ts.SyntaxKind.MinusToken, ['+']],
  [ts.SyntaxKind.AsteriskToken, ['/']],
  [ts.SyntaxKind.SlashToken, ['*']],
  [ts.SyntaxKind.PercentToken, ['*']],
  [ts.SyntaxKind.AsteriskAsteriskToken, ['*']],
]);

/** Methods that say one thing and could say another; undefined: the call is left out. */
const methods: ReadonlyMap<string, string | undefined> = new Map([
  ['some', 'every'],
  ['every', 'some'],
  ['min', 'max'],
  ['max', 'min'],
  ['floor', 'ceil'],
  ['ceil', 'floor'],
  ['startsWith', 'endsWith'],
  ['endsWith', 'startsWith'],
  ['find', 'findLast'],
  ['findLast', 'find'],
  ['filter', undefined],
  ['sort', undefined],
  ['toSorted', undefined],
  ['reverse', undefined],
  ['trim', undefined],
  ['trimEnd', undefined],
  ['slice', undefined],
  ['toLowerCase', undefined],
]);

const isText = (node: ts.Node): boolean =>
  ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node) || ts.isTemplateExpression(node);

const ofBinary = (node: ts.BinaryExpression): readonly string[] => {
  const { left, operatorToken, right } = node;
  if (operatorToken.kind === ts.SyntaxKind.PlusToken && (isText(left) || isText(right))) return [];
  // Mixed with `??` these need brackets, which both sides get.
  return (swapped.get(operatorToken.kind) ?? []).map((other) => `(${left.getText()}) ${other} (${right.getText()})`);
};

/** Within `a?.b().c()` a pair of brackets would end the short way out of the chain. */
const inChain = (node: ts.Node): boolean => (node.flags & ts.NodeFlags.OptionalChain) !== 0;

const ofCall = (node: ts.CallExpression): readonly string[] => {
  const { expression, arguments: given } = node;
  if (inChain(node) || !ts.isPropertyAccessExpression(expression) || !methods.has(expression.name.text)) return [];
  const on = expression.expression.getText();
  const other = methods.get(expression.name.text);
  if (other === undefined) return [on];
  return [`${on}.${other}(${given.map((argument) => argument.getText()).join(', ')})`];
};

const ofNumber = (node: ts.NumericLiteral): readonly string[] => {
  const value = Number(node.text.replaceAll('_', ''));
  return [value === 0 ? '1' : `(${node.getText()} + 1)`];
};

const ofRegex = (node: ts.RegularExpressionLiteral): readonly string[] => {
  const [, body = '', flags = ''] = /^\/(.*)\/([a-z]*)$/s.exec(node.text) ?? [];
  const changes = [
    body.startsWith('^') ? body.slice(1) : undefined,
    /[^\\]\$$/.test(body) ? body.slice(0, -1) : undefined,
    /[^\\]\+/.test(body) ? body.replace(/([^\\])\+/, '$1') : undefined,
    /[^\\(]\*/.test(body) ? body.replace(/([^\\(])\*/, '$1') : undefined,
    /[^\\(*+]\?/.test(body) ? body.replace(/([^\\(*+])\?/, '$1') : undefined,
    body.includes('\\d') ? body.replace('\\d', '\\D') : undefined,
    body.includes('\\s') ? body.replace('\\s', '\\S') : undefined,
  ];
  return changes
    .filter((changed) => changed !== undefined && changed !== '' && isRegex(changed, flags))
    .map((changed) => `/${String(changed)}/${flags}`);
};

const isRegex = (body: string, flags: string): boolean => {
  try {
    new RegExp(body, flags);
    return true;
  } catch {
    return false;
  }
};

const isCondition = (node: ts.Node): boolean => {
  const { parent } = node;
  if (ts.isIfStatement(parent)) return parent.expression === node;
  return ts.isConditionalExpression(parent) && parent.condition === node;
};

const isLoopCondition = (node: ts.Node): boolean => {
  const { parent } = node;
  if (ts.isForStatement(parent)) return parent.condition === node;
  return ts.isWhileStatement(parent) && parent.expression === node;
};

const ofUnary = (node: ts.Node): readonly string[] => {
  if (ts.isPrefixUnaryExpression(node) && node.operator === ts.SyntaxKind.ExclamationToken)
    return [`(${node.operand.getText()})`];
  if (ts.isPrefixUnaryExpression(node) && node.operator === ts.SyntaxKind.MinusToken)
    return [`(${node.operand.getText()})`];
  return [];
};

const ofLiteral = (node: ts.Node): readonly string[] => {
  if (node.kind === ts.SyntaxKind.TrueKeyword) return ['false'];
  if (node.kind === ts.SyntaxKind.FalseKeyword) return ['true'];
  if (ts.isNumericLiteral(node)) return ofNumber(node);
  if (ts.isRegularExpressionLiteral(node)) return ofRegex(node);
  if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node))
    return [node.text === '' ? "'mutant'" : "''"];
  if (ts.isArrayLiteralExpression(node) && node.elements.length > 0) return ['[]'];
  return [];
};

const expressionTexts = (node: ts.Node): readonly string[] => [
  ...(isCondition(node) ? ['true', 'false'] : []),
  ...(isLoopCondition(node) ? ['false'] : []),
  ...(ts.isBinaryExpression(node) ? ofBinary(node) : []),
  ...(ts.isCallExpression(node) ? ofCall(node) : []),
  ...ofUnary(node),
  ...ofLiteral(node),
];

const removable = (node: ts.Node): boolean => {
  if (ts.isThrowStatement(node) || ts.isContinueStatement(node) || ts.isBreakStatement(node))
    return !(ts.isBreakStatement(node) && ts.isCaseOrDefaultClause(node.parent));
  if (!ts.isExpressionStatement(node)) return false;
  const { expression } = node;
  return !(ts.isCallExpression(expression) && expression.expression.kind === ts.SyntaxKind.SuperKeyword);
};

const isTarget = (node: ts.Node): boolean =>
  ts.isBinaryExpression(node.parent) &&
  node.parent.operatorToken.kind === ts.SyntaxKind.EqualsToken &&
  node.parent.left === node;

/** Every change of the node itself; those of what is in it are others. */
export const changesOf = (node: ts.Node): readonly Change[] => [
  ...(isTarget(node) ? [] : expressionTexts(node)).map((text) => ({ node, text, kind: 'expression' as const })),
  ...(removable(node) ? [{ node, text: '', kind: 'statement' as const }] : []),
];
