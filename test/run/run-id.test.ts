import { expect } from 'chai';
import { checkName } from '../../lib/host/job.js';
import { fileName, newRunId } from '../../lib/run/run-id.js';

describe('names of runs and of what is theirs', () => {
  for (const name of ['my timer test[iv=1ms]', '_private', '=x', '..', '', 'Latenz über 90 %', 'a'.repeat(300)])
    it(`are names of jobs and files: '${name.slice(0, 30)}'`, () => {
      expect(checkName('job name', `${fileName(name)}-0-load0`)).to.be.a('string');
      expect(checkName('run id', newRunId(name))).to.be.a('string');
    });
});
