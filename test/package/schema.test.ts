import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect } from 'chai';
import { schemas, staleSchemas } from '../../scripts/schema.js';

describe('The published JSON Schemas', () => {
  it('are what the code says', async () => {
    expect(await staleSchemas(), 'npm run build, and commit schema/').to.be.empty;
  });

  it('are taken by a validator without complaint', async () => {
    for (const [name, text] of await schemas()) {
      const validate = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false, validateFormats: false });
      expect(() => validate.compile(JSON.parse(text) as object), name).not.to.throw();
    }
  });
});
