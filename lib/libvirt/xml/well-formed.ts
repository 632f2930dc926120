// A comment, CDATA section, instruction or declaration; else a tag, whose quoted values may hold '>'.
const markup =
  /<!--[\s\S]*?-->|<!\[CDATA\[[\s\S]*?\]\]>|<\?[\s\S]*?\?>|<![A-Z][^>]*>|<(\/?)([^\s<>/!?]+)((?:"[^"<]*"|'[^'<]*'|[^"'<>])*?)(\/?)>/g;
const entity = /&(?!(?:amp|lt|gt|quot|apos|#\d+|#x[\da-fA-F]+);)/;
// eslint's no-control-regex is about slips of the pen; XML 1.0 forbids exactly these.
const forbidden = new RegExp(String.raw`[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]`);

const lineAt = (text: string, index: number): string => `line ${String(text.slice(0, index).split('\n').length)}`;

/**
 * What is wrong with the nesting, the entities or the characters of a document; undefined where nothing is. xmlbuilder2
 * reads a document that lacks an end tag, or has a wrong one, without a word.
 */
export const complaint = (text: string): string | undefined => {
  const bad =
    forbidden.exec(text) ??
    entity.exec(text.replaceAll(/<!\[CDATA\[[\s\S]*?\]\]>|<!--[\s\S]*?-->/g, (skipped) => ' '.repeat(skipped.length)));
  if (bad !== null)
    return `${lineAt(text, bad.index)}: unexpected ${JSON.stringify(text.slice(bad.index, bad.index + 10))}`;
  const open: { readonly name: string; readonly index: number }[] = [];
  let roots = 0;
  for (const { 0: whole, 1: end, 2: name, 4: empty, index } of text.matchAll(markup)) {
    if (name === undefined) continue;
    if (end === '') {
      if (open.length === 0) roots += 1;
      if (empty === '') open.push({ name, index });
      continue;
    }
    const started = open.pop();
    if (started?.name !== name)
      return `${lineAt(text, index)}: ${whole} ends ${started === undefined ? 'nothing' : `<${started.name}> of ${lineAt(text, started.index)}`}`;
  }
  const left = open.at(-1);
  if (left !== undefined) return `${lineAt(text, left.index)}: <${left.name}> has no end`;
  if (text.replaceAll(markup, '').includes('<'))
    return `${lineAt(text, text.lastIndexOf('<'))}: a '<' that starts no tag`;
  return roots === 1 ? undefined : `${String(roots)} root elements instead of one`;
};
