/** What the first bytes of a connection say about the name that TLS is asked for. */
export type Hello = { kind: 'more' } | { kind: 'other' } | { kind: 'tls'; name?: string };

/** Longest ClientHello that is waited for. */
export const HELLO_LIMIT = 16 * 1024;

/** Reads the server name of a ClientHello (RFC 8446 §4.1.2, RFC 6066 §3). Everything that is no whole and sound one is `other`. */
export function readHello(data: Buffer): Hello {
  if (data.length === 0) return { kind: 'more' };
  if (data[0] !== 22) return { kind: 'other' };
  if (data.length < 5) return { kind: 'more' };
  const end = 5 + data.readUInt16BE(3);
  if (end > HELLO_LIMIT) return { kind: 'other' };
  if (data.length < end) return { kind: 'more' };
  try {
    const name = serverName(data.subarray(5, end));
    return name === undefined ? { kind: 'tls' } : { kind: 'tls', name };
  } catch {
    return { kind: 'other' }; // Lengths that point outside of the record.
  }
}

function serverName(hello: Buffer): string | undefined {
  if (hello[0] !== 1) throw new RangeError('no ClientHello');
  let at = 4 + 2 + 32;
  at += 1 + hello.readUInt8(at);
  at += 2 + hello.readUInt16BE(at);
  at += 1 + hello.readUInt8(at);
  if (at === hello.length) return undefined;
  const end = at + 2 + hello.readUInt16BE(at);
  at += 2;
  while (at < end) {
    const [type, length] = [hello.readUInt16BE(at), hello.readUInt16BE(at + 2)];
    at += 4;
    if (type === 0) {
      const size = hello.readUInt16BE(at + 3);
      if (hello.readUInt8(at + 2) !== 0 || at + 5 + size > hello.length) throw new RangeError('no host name');
      return hello.toString('latin1', at + 5, at + 5 + size).toLowerCase();
    }
    at += length;
  }
  return undefined;
}
