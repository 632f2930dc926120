import type { Finding } from './findings.js';

/** Of Jinja and Helm, of ERB, and of GitHub's workflows. */
const braces = /\$\{\{|\{\{|\{%|<%/;

/** What tells that a text is a template of another program; undefined where nothing does. */
export const templateIn = (text: string): Pick<Finding, 'code' | 'message' | 'hint'> | undefined => {
  const found = braces.exec(text)?.[0];
  return found === undefined
    ? undefined
    : {
        code: 'E_TEMPLATE',
        message: `'${found}' begins a placeholder of a template that was not filled in`,
        hint: 'render the template first, or declare a param and write ${name}',
      };
};
