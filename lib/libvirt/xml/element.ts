/** An XML element as plain data. Names carry their prefix; a namespace is declared by an `xmlns` attribute like any other. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlNode[];
}
export type XmlNode = XmlElement | string;

type AttributeValue = string | number | boolean | undefined;
type Child = XmlNode | number | undefined | false | readonly Child[];

/**
 * Makes an element. Attributes that are undefined are left out, `true` and `false` become `yes` and `no`;
 * children that are undefined or false are left out.
 */
export const element = (
  name: string,
  attributes: Readonly<Record<string, AttributeValue>> = {},
  ...children: readonly Child[]
): XmlElement => ({
  name,
  attributes: Object.fromEntries(
    Object.entries(attributes).flatMap(([key, value]) => (value === undefined ? [] : [[key, attributeText(value)]])),
  ),
  children: children.flatMap(nodes),
});

const attributeText = (value: string | number | boolean): string =>
  typeof value === 'boolean' ? (value ? 'yes' : 'no') : String(value);

const nodes = (child: Child): readonly XmlNode[] => {
  if (child === undefined || child === false) return [];
  if (typeof child === 'number') return [String(child)];
  return isList(child) ? child.flatMap(nodes) : [child];
};

const isList = (child: XmlNode | readonly Child[]): child is readonly Child[] => Array.isArray(child);

/** An element with these children added at its end. */
export const append = (parent: XmlElement, ...children: readonly XmlNode[]): XmlElement => ({
  ...parent,
  children: [...parent.children, ...children],
});

/** The child elements, of one name where it is given. */
export const childrenOf = (parent: XmlElement | undefined, name?: string): readonly XmlElement[] =>
  (parent?.children ?? []).filter(
    (child): child is XmlElement => typeof child !== 'string' && (name === undefined || child.name === name),
  );

/** The first element at a path of names below `parent`. */
export const find = (parent: XmlElement | undefined, ...path: readonly string[]): XmlElement | undefined =>
  path.reduce<XmlElement | undefined>((at, name) => childrenOf(at, name)[0], parent);

/** The elements at a path of names below `parent`, whichever of several they are in. */
export const findAll = (parent: XmlElement | undefined, ...path: readonly string[]): readonly XmlElement[] =>
  path.reduce<readonly XmlElement[]>(
    (at, name) => at.flatMap((one) => childrenOf(one, name)),
    parent === undefined ? [] : [parent],
  );

/** The text directly inside an element, trimmed; undefined where there is no element. */
export const textOf = (parent: XmlElement | undefined, ...path: readonly string[]): string | undefined => {
  const at = find(parent, ...path);
  return at?.children
    .filter((child) => typeof child === 'string')
    .join('')
    .trim();
};

/** An attribute's value; undefined where there is no element or no such attribute. */
export const attribute = (parent: XmlElement | undefined, name: string): string | undefined => parent?.attributes[name];
