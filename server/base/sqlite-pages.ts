import type { FileHandle } from 'node:fs/promises';

/** A larger database is not looked at, nor one with a larger log, and of one no more than this in one look. Bytes. */
const MAX_DATABASE = 2 * 1024 ** 3;
const MAX_LOG = 256 * 1024 ** 2;
const MAX_LOOK = 256 * 1024 ** 2;

const MAGIC = 'SQLite format 3\0';
const LOG_HEADER = 32;
const FRAME_HEADER = 24;
/** Bytes, and how many of them are kept. */
const BLOCK = 64 * 1024;
const KEPT = 32;

/** A file that is no database, or a damaged one; the message is the reason alone. */
export class DamagedDatabase extends Error {}

/** A database as SQLite keeps it: the file, and the pages that its write-ahead log has newer. */
export interface DatabaseFiles {
  database: FileHandle;
  log?: FileHandle | undefined;
}

/**
 * The pages of an SQLite database as of its last commit (https://sqlite.org/fileformat2.html). What reads here trusts nothing in
 * the files: an agent may have written them by hand. Fails with `DamagedDatabase`.
 */
export class Pages {
  readonly size: number;
  /** Bytes of a page that hold something. */
  readonly usable: number;
  readonly count: number;
  /** Where in the log the pages lie that are newer there. */
  readonly newer: ReadonlyMap<number, number>;
  readonly #database: Blocks;
  readonly #log: Blocks | undefined;
  #followed = 0;

  private constructor(
    database: Blocks,
    log: Blocks | undefined,
    { size, usable, count, newer }: Pick<Pages, 'size' | 'usable' | 'count' | 'newer'>,
  ) {
    this.#database = database;
    this.#log = log;
    this.size = size;
    this.usable = usable;
    this.count = count;
    this.newer = newer;
  }

  static async open(files: DatabaseFiles): Promise<Pages> {
    const database = new Blocks(files.database);
    const logFile = files.log && new Blocks(files.log);
    const head = await database.read(0, 100);
    if (head.toString('latin1', 0, 16) !== MAGIC) throw new DamagedDatabase('it is no SQLite database');
    const raw = head.readUInt16BE(16);
    const size = raw === 1 ? 65_536 : raw;
    const reserved = head.readUInt8(20);
    if (size < 512 || (size & (size - 1)) !== 0 || size - reserved < 480)
      throw new DamagedDatabase('its pages have no possible size');
    const log = await readLog(logFile, size);
    const length = await database.length();
    const count = log.count ?? countIn(head) ?? Math.floor(length / size);
    if (count < 1 || count * size > MAX_DATABASE) throw new DamagedDatabase(`it has ${count} pages of ${size} bytes`);
    if (log.count === undefined && length < count * size) throw new DamagedDatabase('it ends too early');
    const pages = new Pages(database, logFile, { size, usable: size - reserved, count, newer: log.newer });
    // Nothing was ever written into one that does not say yet what its texts are.
    if ((await pages.page(1)).readUInt32BE(56) > 1) throw new DamagedDatabase('its texts are not UTF-8');
    return pages;
  }

  /** A page that another one names, so that it may be any number of times. */
  async follow(number: number): Promise<Buffer> {
    this.#followed += this.size;
    if (this.#followed > MAX_LOOK) throw new DamagedDatabase('it is too large to be read');
    return this.page(number);
  }

  /** The page of that number; the first is 1. */
  async page(number: number): Promise<Buffer> {
    if (number < 1 || number > this.count) throw new DamagedDatabase(`it has no page ${number}`);
    const inLog = this.newer.get(number);
    if (inLog === undefined || this.#log === undefined) return this.#database.read((number - 1) * this.size, this.size);
    return this.#log.read(inLog, this.size);
  }
}

/** The number of pages that the header says, when what wrote last was no old version that says nothing. */
function countIn(head: Buffer): number | undefined {
  const count = head.readUInt32BE(28);
  return count > 0 && head.readUInt32BE(24) === head.readUInt32BE(92) ? count : undefined;
}

/** The newest committed page of each number. What comes after the last commit, or is left of an older log, does not count. */
async function readLog(
  file: Blocks | undefined,
  size: number,
): Promise<{ newer: Map<number, number>; count?: number }> {
  const newer = new Map<number, number>();
  const length = file === undefined ? 0 : await file.length();
  if (file === undefined || length < LOG_HEADER) return { newer };
  if (length > MAX_LOG) throw new DamagedDatabase(`its log has ${length} bytes`);
  const head = await file.read(0, LOG_HEADER);
  const littleEndian = (head.readUInt32BE(0) & 1) === 0;
  const sum = new Checksum(littleEndian);
  sum.add(head.subarray(0, 24));
  if (head.readUInt32BE(0) >>> 1 !== 0x377f0682 >>> 1 || !sum.is(head, 24)) return { newer };
  if (head.readUInt32BE(8) !== size) throw new DamagedDatabase('its log has pages of another size');
  const salt = head.subarray(16, 24);
  const open = new Map<number, number>();
  let count: number | undefined;
  for (let at = LOG_HEADER; at + FRAME_HEADER + size <= length; at += FRAME_HEADER + size) {
    const frame = await file.read(at, FRAME_HEADER + size);
    sum.add(frame.subarray(0, 8));
    sum.add(frame.subarray(FRAME_HEADER));
    if (!frame.subarray(8, 16).equals(salt) || !sum.is(frame, 16)) break;
    open.set(frame.readUInt32BE(0), at + FRAME_HEADER);
    const committed = frame.readUInt32BE(4);
    if (committed === 0) continue;
    for (const [page, where] of open) newer.set(page, where);
    open.clear();
    count = committed;
  }
  return count === undefined ? { newer } : { newer, count };
}

/** The log's running sum. */
class Checksum {
  readonly #littleEndian: boolean;
  #a = 0;
  #b = 0;

  constructor(littleEndian: boolean) {
    this.#littleEndian = littleEndian;
  }

  add(data: Buffer): void {
    for (let i = 0; i + 8 <= data.length; i += 8) {
      this.#a = (this.#a + this.#word(data, i) + this.#b) >>> 0;
      this.#b = (this.#b + this.#word(data, i + 4) + this.#a) >>> 0;
    }
  }

  is(data: Buffer, at: number): boolean {
    return data.readUInt32BE(at) === this.#a && data.readUInt32BE(at + 4) === this.#b;
  }

  #word(data: Buffer, at: number): number {
    return this.#littleEndian ? data.readUInt32LE(at) : data.readUInt32BE(at);
  }
}

/** Reads a file by large blocks, since one read for each page takes most of the time; the newest blocks are kept. */
class Blocks {
  readonly #file: FileHandle;
  readonly #kept = new Map<number, Buffer>();

  constructor(file: FileHandle) {
    this.#file = file;
  }

  async length(): Promise<number> {
    return (await this.#file.stat()).size;
  }

  async read(at: number, length: number): Promise<Buffer> {
    const first = Math.floor(at / BLOCK);
    const blocks: Buffer[] = [];
    for (let number = first; number * BLOCK < at + length; number++) blocks.push(await this.#block(number));
    const [only] = blocks;
    const whole = blocks.length === 1 && only !== undefined ? only : Buffer.concat(blocks);
    const data = whole.subarray(at - first * BLOCK, at - first * BLOCK + length);
    if (data.length < length) throw new DamagedDatabase('it ends too early');
    return data;
  }

  async #block(number: number): Promise<Buffer> {
    const kept = this.#kept.get(number);
    if (kept !== undefined) return kept;
    const buffer = Buffer.alloc(BLOCK);
    const { bytesRead } = await this.#file.read(buffer, 0, BLOCK, number * BLOCK);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size >= KEPT && oldest !== undefined) this.#kept.delete(oldest);
    this.#kept.set(number, buffer.subarray(0, bytesRead));
    return buffer.subarray(0, bytesRead);
  }
}
