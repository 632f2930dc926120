const wide =
  /^(?:\p{Script=Han}|\p{Script=Hangul}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Emoji_Presentation}|[\u3000-\u303E\uFE30-\uFE6F\uFF01-\uFF60\uFFE0-\uFFE6])$/u;
const zeroWidth = /^[\p{Mn}\p{Me}\p{Cf}]$/u;
// Bidirectional overrides count as controls: they make a terminal show another text than the one that is there.
const control = /[\0-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g;

/** Its code points: what a column counts. */
export const characters = (text: string): string[] => Array.from(text);

/** Text fit for a terminal: control characters, which could move its cursor or colour it, become U+FFFD. */
export const printable = (text: string): string => text.replace(control, '\uFFFD');

/** Blanks as wide as `text` is on a terminal: a tab stays a tab, a wide character is two blanks, a combining one none. */
export const blanks = (text: string): string =>
  characters(text)
    .map((character) =>
      character === '\t' ? '\t' : zeroWidth.test(character) ? '' : wide.test(character) ? '  ' : ' ',
    )
    .join('');
