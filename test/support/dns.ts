/**
 * The answer of a name server to a query of one question (RFC 1035 §4): the address for type A, nothing for other types. Undefined
 * for what is no query for a name with this first label.
 */
export function dnsAnswer(query: Buffer, label: string, address: string): Buffer | undefined {
  if (query.length < 17 || query.readUInt16BE(4) !== 1) return undefined;
  if (query.toString('latin1', 13, 13 + (query[12] ?? 0)) !== label) return undefined;
  const end = query.indexOf(0, 12) + 5;
  const isAddress = query.readUInt16BE(end - 4) === 1;
  const head = Buffer.from([query[0] ?? 0, query[1] ?? 0, 0x81, 0x80, 0, 1, 0, isAddress ? 1 : 0, 0, 0, 0, 0]);
  const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...address.split('.').map(Number)]);
  return Buffer.concat([head, query.subarray(12, end), ...(isAddress ? [record] : [])]);
}
