/** A file, directory or symlink to unpack. `path` is relative to the root; a leading slash is dropped. */
export interface TarEntry {
  path: string;
  /** Of a file its text or bytes, of a symlink its target. */
  content?: string | Uint8Array;
  mode: number;
  uid: number;
  gid: number;
  type?: 'file' | 'dir' | 'symlink';
}

const BLOCK = 512;
const TYPE = { file: '0', dir: '5', symlink: '2' } as const;

/**
 * A tar of these entries, in their order: ustar, with a pax header where a name is too long or not ASCII.
 * Ids are numbers only; times are now.
 */
export function tarball(entries: readonly TarEntry[]): Uint8Array {
  const now = Math.floor(Date.now() / 1000);
  const blocks = entries.flatMap(entry => entryBlocks(entry, now));
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]);
}

function entryBlocks(entry: TarEntry, now: number): Buffer[] {
  const type = entry.type ?? 'file';
  const name = entry.path.replace(/^\/+/, '') + (type === 'dir' && !entry.path.endsWith('/') ? '/' : '');
  const bytes = Buffer.from(entry.content ?? '');
  const link = type === 'symlink' ? bytes.toString('utf8') : '';
  const data = type === 'file' ? bytes : Buffer.alloc(0);
  const pax = [paxRecord('path', name), paxRecord('linkpath', link)].join('');
  const head = { ...entry, name, link, now };
  const own = [header({ ...head, type: TYPE[type], size: data.length }), padded(data)];
  if (pax === '') return own;
  const records = Buffer.from(pax);
  return [header({ ...head, name: 'pax', link: '', type: 'x', size: records.length }), padded(records), ...own];
}

/** `LENGTH KEY=VALUE\n`, where LENGTH counts itself; empty when ustar can hold the value. */
function paxRecord(key: string, value: string): string {
  if (Buffer.byteLength(value) <= 100 && /^[\x20-\x7e]*$/.test(value)) return '';
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest + String(rest).length;
  if (String(length).length > String(rest).length) length = rest + String(length).length;
  return `${length} ${key}=${value}\n`;
}

interface Header {
  name: string;
  link: string;
  mode: number;
  uid: number;
  gid: number;
  now: number;
  size: number;
  type: string;
}

function header(h: Header): Buffer {
  const block = Buffer.alloc(BLOCK);
  Buffer.from(h.name).copy(block, 0, 0, 100);
  block.write(octal(h.mode, 7), 100);
  block.write(octal(h.uid, 7), 108);
  block.write(octal(h.gid, 7), 116);
  block.write(octal(h.size, 11), 124);
  block.write(octal(h.now, 11), 136);
  block.write('        ', 148);
  block.write(h.type, 156);
  Buffer.from(h.link).copy(block, 157, 0, 100);
  block.write('ustar\u000000', 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${octal(sum, 6)}\0 `, 148);
  return block;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0');
}

function padded(data: Buffer): Buffer {
  return Buffer.concat([data, Buffer.alloc((BLOCK - (data.length % BLOCK)) % BLOCK)]);
}
