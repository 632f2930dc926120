import stringWidth from 'string-width';

/** Its code points: what a column counts. */
export const characters = (text: string): string[] => Array.from(text);

/** Blanks as wide as `text` is on a terminal; a tab stays a tab. */
export const blanks = (text: string): string =>
  text
    .split('\t')
    .map((part) => ' '.repeat(stringWidth(part)))
    .join('\t');
