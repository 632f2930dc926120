export { checkSla } from './check.js';
export { judge, type Judgement } from './judge.js';
export { parseSla, type SlaParse } from './parse.js';
export type { Operator, Quantity, Severity, Sla, Statistic } from './statistic.js';
export { isWorse } from './worse.js';
