import { create } from 'xmlbuilder2';
import type { XMLBuilder } from 'xmlbuilder2/lib/interfaces.js';
import { Kvm4nfvError, messageOf } from '../../error.js';
import type { XmlElement, XmlNode } from './element.js';
import { complaint } from './well-formed.js';

type DomNode = XMLBuilder['node'];
type DomElement = NonNullable<DomNode['parentElement']>;

// Node types of the DOM standard.
const [elementNode, textNode, cdataNode] = [1, 3, 4];
const typeOf = (node: DomNode): number => node.nodeType;
const isElement = (node: DomNode): node is DomElement => typeOf(node) === elementNode;
const isText = (node: DomNode): boolean => typeOf(node) === textNode || typeOf(node) === cdataNode;

const elementOf = (dom: DomElement): XmlElement => {
  const children = [...dom.childNodes].flatMap((node): readonly XmlNode[] => {
    if (isElement(node)) return [elementOf(node)];
    return isText(node) && node.nodeValue !== null ? [node.nodeValue] : [];
  });
  const nested = children.some((child) => typeof child !== 'string');
  return {
    name: dom.nodeName,
    attributes: Object.fromEntries([...dom.attributes].map((one) => [one.name, one.value])),
    // White space between elements is the writer's layout, not data.
    children: nested ? children.filter((child) => typeof child !== 'string' || child.trim() !== '') : children,
  };
};

/** Reads an XML document, or a fragment with one root. `what` names it in errors. Fault `usage` where it is not well-formed. */
export const parseXml = (text: string, what = 'XML'): XmlElement => {
  const wrong = complaint(text);
  if (wrong !== undefined) throw new Kvm4nfvError('usage', `${what} is not well-formed: ${wrong}`);
  try {
    const root = [...create(text).doc().node.childNodes].find(isElement);
    if (root !== undefined) return elementOf(root);
  } catch (cause) {
    throw new Kvm4nfvError('usage', `${what} is not well-formed: ${messageOf(cause)}`, { cause });
  }
  throw new Kvm4nfvError('usage', `${what} has no root element`);
};

/** Reads several elements that stand side by side, as in a fragment to be merged. */
export const parseFragment = (text: string, what = 'XML fragment'): readonly XmlElement[] =>
  parseXml(`<fragment>${text}</fragment>`, what).children.map((child) => {
    if (typeof child !== 'string') return child;
    throw new Kvm4nfvError('usage', `${what}: text outside of an element: '${child.trim()}'`);
  });

/** xmlbuilder2 takes text that looks like an entity (`&k;`, `&lt;`) for one and leaves it as it is. */
const escaped = (text: string): string => text.replaceAll('&', '&amp;');

const write = (into: XMLBuilder, { name, attributes, children }: XmlElement): void => {
  const values = Object.entries(attributes).map(([key, value]) => [key, escaped(value)]);
  const at = into.ele(name, Object.fromEntries(values) as Record<string, string>);
  for (const child of children)
    if (typeof child === 'string') at.txt(escaped(child));
    else write(at, child);
};

/** Writes a document, indented by two spaces, without an XML declaration, with a line end at its end. */
export const formatXml = (root: XmlElement): string => {
  const document = create();
  write(document, root);
  const text = `${document.end({ prettyPrint: true, headless: true })}\n`;
  const wrong = complaint(text);
  if (wrong !== undefined) throw new Kvm4nfvError('usage', `can't be written as XML: ${wrong}`);
  return text;
};
