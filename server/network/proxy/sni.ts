/**
 * What the first bytes of a connection say about the name that TLS is asked for: `unsound` begins like TLS, but a server might read another
 * name than can be read here.
 */
export type Hello = { kind: 'more' } | { kind: 'other' } | { kind: 'unsound' } | { kind: 'tls'; name?: string };

/** Longest beginning that is waited for. */
const HELLO_LIMIT = 32 * 1024;

/** The type of records, and of the message in them. */
const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
/** Most bytes of a record (RFC 8446 §5.1). */
const RECORD = 2 ** 14;
/** Most records that one is cut up into; clients need one or two. */
const RECORDS = 16;

/** Reads the server name of a ClientHello (RFC 8446 §4.1.2, RFC 6066 §3), which may be cut up into several records (§5.1). */
export function readHello(data: Buffer): Hello {
  if (data.length === 0) return { kind: 'more' };
  if (data[0] !== HANDSHAKE) return { kind: 'other' };
  try {
    const message = firstMessage(data);
    if (message === undefined) return data.length > HELLO_LIMIT ? { kind: 'unsound' } : { kind: 'more' };
    const name = serverName(message);
    return name === undefined ? { kind: 'tls' } : { kind: 'tls', name };
  } catch (error) {
    if (error instanceof RangeError) return { kind: 'unsound' }; // Lengths that point outside, too.
    throw error;
  }
}

/** The first message, put together; undefined until it is whole. Throws RangeError for what is none that is waited for. */
function firstMessage(data: Buffer): Buffer | undefined {
  const parts: Buffer[] = [];
  let head = Buffer.alloc(0);
  let [at, had] = [0, 0];
  for (;;) {
    const length = lengthOf(head);
    if (length !== undefined && had >= length) return Buffer.concat(parts).subarray(0, length);
    if (parts.length === RECORDS || (data.length > at && data[at] !== HANDSHAKE)) throw new RangeError('other records');
    if (data.length < at + 5) return undefined;
    const size = data.readUInt16BE(at + 3);
    if (size === 0 || size > RECORD) throw new RangeError('no size of a record');
    if (data.length < at + 5 + size) return undefined;
    const part = data.subarray(at + 5, at + 5 + size);
    parts.push(part);
    head = Buffer.concat([head, part.subarray(0, 4)]).subarray(0, 4);
    had += size;
    at += 5 + size;
  }
}

/** How long the message with this beginning is, its first four bytes included; undefined where too little of it is there. */
function lengthOf(head: Buffer): number | undefined {
  if (head.length > 0 && head[0] !== CLIENT_HELLO) throw new RangeError('no ClientHello');
  if (head.length < 4) return undefined;
  const length = 4 + head.readUIntBE(1, 3);
  if (length > HELLO_LIMIT) throw new RangeError('too long');
  return length;
}

function serverName(hello: Buffer): string | undefined {
  let at = 4 + 2 + 32;
  at += 1 + hello.readUInt8(at);
  at += 2 + hello.readUInt16BE(at);
  at += 1 + hello.readUInt8(at);
  if (at === hello.length) return undefined;
  if (at + 2 + hello.readUInt16BE(at) !== hello.length) throw new RangeError('extensions of another length');
  at += 2;
  let name: string | undefined;
  while (at < hello.length) {
    const [type, length] = [hello.readUInt16BE(at), hello.readUInt16BE(at + 2)];
    at += 4;
    if (at + length > hello.length) throw new RangeError('an extension that is too long');
    if (type === 0) {
      if (name !== undefined) throw new RangeError('two names');
      name = oneName(hello.subarray(at, at + length));
    }
    at += length;
  }
  return name;
}

/** A list of one name, which is all that RFC 6066 permits. */
function oneName(list: Buffer): string {
  const size = list.readUInt16BE(3);
  if (list.readUInt16BE(0) !== list.length - 2 || list.readUInt8(2) !== 0 || size !== list.length - 5)
    throw new RangeError('no host name');
  return list.toString('latin1', 5).toLowerCase();
}
