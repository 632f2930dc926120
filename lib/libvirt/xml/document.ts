import { parseXml as parse, XmlElement as ParsedElement, XmlError, XmlText } from '@rgrove/parse-xml';
import { Kvm4nfvError, messageOf } from '../../error.js';
import type { XmlElement, XmlNode } from './element.js';

const elementOf = ({ name, attributes, children }: ParsedElement): XmlElement => {
  const nodes = children.flatMap((node): readonly XmlNode[] => {
    if (node instanceof ParsedElement) return [elementOf(node)];
    return node instanceof XmlText ? [node.text] : [];
  });
  const nested = nodes.some((node) => typeof node !== 'string');
  return {
    name,
    attributes: { ...attributes },
    // White space between elements is the writer's layout, not data.
    children: nested ? nodes.filter((node) => typeof node !== 'string' || node.trim() !== '') : nodes,
  };
};

/** What is wrong, with its place; `before` lines of the text are not the writer's. */
const complaint = (error: unknown, before: number): string => {
  if (!(error instanceof XmlError)) return messageOf(error);
  const { line, column, excerpt, message } = error;
  const place = ` (line ${String(line)}, column ${String(column)})`;
  const what = message.slice(0, message.indexOf(place));
  return `line ${String(line - before)}, column ${String(column)}: ${what}: ${excerpt.trim()}`;
};

const read = (text: string, what: string, before = 0): XmlElement => {
  try {
    const { root } = parse(text);
    if (root !== null) return elementOf(root);
  } catch (cause) {
    throw new Kvm4nfvError('E_XML', `${what} is not well-formed: ${complaint(cause, before)}`, { cause });
  }
  throw new Kvm4nfvError('E_XML', `${what} has no root element`);
};

/** Reads an XML document. `what` names it in errors. Fault `usage` where it is not well-formed. */
export const parseXml = (text: string, what = 'XML'): XmlElement => read(text, what);

/** XML lets a text that is put into a document begin with a declaration of its own. */
const declaration = /^\s*<\?xml\s[^?]*\?>/;

/** Reads several elements that stand side by side, as in a fragment to be merged. */
export const parseFragment = (text: string, what = 'XML fragment'): readonly XmlElement[] => {
  const own = text.replace(declaration, (told) => told.replaceAll(/[^\n]/g, ' '));
  return read(`<fragment>\n${own}</fragment>`, what, 1).children.map((child) => {
    if (typeof child !== 'string') return child;
    throw new Kvm4nfvError('E_XML_FRAGMENT', `${what}: text outside of an element: '${child.trim()}'`);
  });
};

const references: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const reference = (character: string): string => references[character] ?? `&#${String(character.charCodeAt(0))};`;

// A reader makes a blank of a tab or line end in an attribute, and a line end of a carriage return anywhere.
const attributeText = (text: string): string => text.replaceAll(/[&<>"\t\n\r]/g, reference);
const elementText = (text: string): string => text.replaceAll(/[&<>\r]/g, reference);

const write = ({ name, attributes, children }: XmlElement, indent: string): string => {
  const head = [name, ...Object.entries(attributes).map(([key, value]) => `${key}="${attributeText(value)}"`)].join(
    ' ',
  );
  if (children.length === 0) return `${indent}<${head}/>`;
  // Between text any layout would be data.
  if (children.some((child) => typeof child === 'string')) {
    const inner = children.map((child) => (typeof child === 'string' ? elementText(child) : write(child, '')));
    return `${indent}<${head}>${inner.join('')}</${name}>`;
  }
  const inner = children.flatMap((child) => (typeof child === 'string' ? [] : [write(child, `${indent}  `)]));
  return [`${indent}<${head}>`, ...inner, `${indent}</${name}>`].join('\n');
};

/** Writes a document, indented by two spaces, without an XML declaration, with a line end at its end. */
export const formatXml = (root: XmlElement): string => {
  const text = `${write(root, '')}\n`;
  // Names and characters that XML does not have: the reader knows them best.
  read(text, "a document that can't be written");
  return text;
};
