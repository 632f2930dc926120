import { expect } from 'chai';
import * as fc from 'fast-check';
import { Kvm4nfvError } from '../../lib/error.js';
import { isDisconnected, LibvirtError } from '../../lib/libvirt/error.js';
import { parseFragment, parseXml, formatXml } from '../../lib/libvirt/xml/document.js';
import { element, type XmlElement } from '../../lib/libvirt/xml/element.js';

const xml = '<domain type="kvm">\n  <name>a</name>\n  <memory>lots</memory>\n  <warp speed="9"/>\n</domain>\n';
const of = (text: string): LibvirtError =>
  new LibvirtError(text, { action: 'create domain a', uri: 'qemu:///system', host: 'node1', xml });

describe('LibvirtError', () => {
  it("says where, what was done, in libvirt's own words, with its number", () => {
    const error = of("Domain not found: no domain with matching name 'a'");
    expect(error.message).to.equal(
      "node1: qemu:///system: create domain a: Domain not found: no domain with matching name 'a' (VIR_ERR_NO_DOMAIN, 42)",
    );
    expect(error).to.include({
      number: 42,
      codeName: 'VIR_ERR_NO_DOMAIN',
      text: "Domain not found: no domain with matching name 'a'",
    });
  });

  for (const [said, line] of [
    ['(domain_definition):3: Opening and ending tag mismatch: memory line 3 and mem', 3],
    [
      'XML document failed to validate against schema: Unable to validate doc against domain.rng\nElement domain has extra content: warp',
      4,
    ],
    ["XML error: Invalid value for attribute 'speed' in element 'warp': '9'.", 4],
    ["unsupported configuration: unknown memory 'lots'", 3],
  ] as const)
    it(`finds line ${String(line)} for '${said.split('\n')[0] ?? ''}'`, () => {
      expect(of(said).line?.number).to.equal(line);
      expect(of(said).message).to.contain(`line ${String(line)} of the XML: `);
    });

  it('names no line where the message gives no clue', () => {
    expect(of('out of memory').line).to.equal(undefined);
    expect(of("internal error: no 'zzz'").line).to.equal(undefined);
  });

  it('knows a lost connection', () => {
    for (const text of [
      'internal error: client socket is closed',
      'Cannot write data: Broken pipe',
      'End of file while reading data: Input/output error',
    ])
      expect(isDisconnected(of(text)), text).to.equal(true);
    expect(isDisconnected(of('Domain not found'))).to.equal(false);
  });

  it('says what to do', () => {
    expect(of("Failed to connect socket to '/x': No such file or directory").hint).to.contain('start libvirtd');
    const denied = of("Failed to connect socket to '/run/libvirt/libvirt-sock': Permission denied");
    expect(denied.hint).to.contain('group libvirt');
    expect(denied.code).to.equal('E_LIBVIRT');
    expect(of("internal error: qemu: Could not set up host forwarding rule 'tcp:127.0.0.1:2222-:22'").hint).to.contain(
      'port',
    );
  });
});

const name = fc.stringMatching(/^[a-z][a-z0-9]{0,5}$/);
const value = fc
  .string({ unit: 'grapheme', maxLength: 12 })
  .map((text) => text.replaceAll(/[\p{Cc}\ufffe\uffff]/gu, ''));
const attributes = fc.dictionary(name, value, { maxKeys: 3, noNullPrototype: true });
const { tree } = fc.letrec<{ tree: XmlElement; node: XmlElement }>((tie) => ({
  tree: tie('node'),
  node: fc
    .tuple(
      name,
      attributes,
      fc.oneof(
        { maxDepth: 3 },
        value.filter((text) => text.trim() !== '').map((text) => [text]),
        fc.array(tie('node'), { maxLength: 3 }),
      ),
    )
    .map(([tag, given, children]) => element(tag, given, ...children)),
}));

describe('XML', () => {
  it('is read as it was written, whatever characters it has', () => {
    fc.assert(
      fc.property(tree, (root) => {
        expect(parseXml(formatXml(root))).to.deep.equal(root);
      }),
    );
  });

  for (const bad of [
    '',
    'text',
    '<a>',
    '<a></b>',
    '</a>',
    '<a/><b/>',
    '<a b=1/>',
    '<a>&nope;</a>',
    '<a>\u0001</a>',
    '<a><b></a></b>',
    '<a>1 < 2</a>',
    '<a b="1" b="2"/>',
    '<a>]]></a>',
    '<?xml version="1.0"?><?xml version="1.0"?><a/>',
    '<a><?xml version="1.0"?></a>',
    '<a b="<"/>',
    '<a><!-- b -- c --></a>',
    `${'<a>'.repeat(100_000)}${'</a>'.repeat(100_000)}`,
  ])
    it(`that is not well-formed is refused: ${JSON.stringify(bad.slice(0, 60))}`, () => {
      expect(() => parseXml(bad)).to.throw(Kvm4nfvError);
    });

  it('with comments, CDATA, entities and a declaration is read', () => {
    const read = parseXml('<?xml version="1.0"?>\n<!-- <x> --><a b=">&quot;&#65;"><![CDATA[<&]]></a>');
    expect(read).to.deep.equal({ name: 'a', attributes: { b: '>"A' }, children: ['<&'] });
  });

  it('that can not be written is refused', () => {
    expect(() => formatXml(element('a', {}, '\u0000'))).to.throw(Kvm4nfvError, "can't be written");
  });

  it('keeps tabs and line ends in attributes, and text beside elements', () => {
    const root = element('a', { b: 'x\ty\nz\r' }, 'one ', element('c'), ' two\r');
    expect(formatXml(root)).to.equal('<a b="x&#9;y&#10;z&#13;">one <c/> two&#13;</a>\n');
    expect(parseXml(formatXml(root))).to.deep.equal(root);
  });

  it('fragments give each of their elements, behind a declaration too', () => {
    for (const text of [' <a/> <b c="1"/> ', '<?xml version="1.0"?>\n<a/><b/>'])
      expect(parseFragment(text).map((one) => one.name)).to.deep.equal(['a', 'b']);
  });
});
