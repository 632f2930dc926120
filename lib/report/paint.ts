import { styleText } from 'node:util';
import type { Verdict } from '../sla/verdict.js';

export type Style = Parameters<typeof styleText>[0];

/** Colours a text, or leaves it as it is. */
export type Paint = (style: Style, text: string) => string;

export const plain: Paint = (_style, text) => text;
export const coloured: Paint = (style, text) => styleText(style, text);

export const verdictStyle: Readonly<Record<Verdict, Style>> = {
  pass: 'green',
  warn: 'yellow',
  skip: 'gray',
  fail: 'red',
  'no-data': 'magenta',
  error: 'red',
};
