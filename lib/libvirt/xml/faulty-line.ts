/** A line of an XML document, counted from 1. */
export interface XmlLine {
  readonly number: number;
  readonly text: string;
}

// What libvirt's messages quote of a document, best evidence first; each finds the piece of XML to look for.
const clues: readonly { readonly said: RegExp; readonly find: (name: string) => RegExp }[] = [
  { said: /Element (\S+) has extra content: (\S+)/, find: (name) => new RegExp(`<${name}[\\s/>]`) },
  { said: /Did not expect element (\S+) there/, find: (name) => new RegExp(`<${name}[\\s/>]`) },
  { said: /Invalid attribute (\S+) for element/, find: (name) => new RegExp(`\\s${name}\\s*=`) },
  { said: /Invalid value for attribute '([^']+)' in element/, find: (name) => new RegExp(`\\s${name}\\s*=`) },
  { said: /Extra element (\S+) in interleave/, find: (name) => new RegExp(`<${name}[\\s/>]`) },
  { said: /Element (\S+) failed to validate/, find: (name) => new RegExp(`<${name}[\\s/>]`) },
  { said: /'([^'\s<>]{2,})'/, find: (value) => new RegExp(`['">]${value}['"<]|<${value}[\\s/>]`) },
];

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);

/** The line of `xml` that a message of libvirt is about; undefined where the message gives no clue to it. */
export const faultyLine = (message: string, xml: string): XmlLine | undefined => {
  const lines = xml.split('\n');
  const at = (index: number): XmlLine | undefined => {
    const text = lines[index];
    return text === undefined ? undefined : { number: index + 1, text };
  };
  const told = /^\([a-z_]+\):(\d+): /.exec(message)?.[1];
  if (told !== undefined) return at(Number(told) - 1);
  for (const { said, find } of clues) {
    const match = said.exec(message);
    const name = match?.at(-1);
    if (name === undefined) continue;
    const found = lines.findIndex((line) => find(escaped(name)).test(line));
    if (found >= 0) return at(found);
  }
  return undefined;
};
