import { DamagedDatabase, type DatabaseFiles, Pages } from './sqlite-pages.ts';
import { columnsOf, type Row, rowIn, varint } from './sqlite-record.ts';

/** How much is read of a row: also what it has in other pages, or what lies in its first one, or nothing. */
export type Reads = 'all' | 'beginning' | 'nothing';

/** Bytes of one row that are read. */
const MAX_ROW = 1024 * 1024;

/** Rows that are looked at in one table. */
const MAX_ROWS = 1_000_000;

/** Characters that are kept of what the tables are. */
const MAX_SCHEMA = 1024 * 1024;

/** Kinds of pages of a b-tree. */
const INDEX_INNER = 2;
const TABLE_INNER = 5;
const INDEX_LEAF = 10;
const TABLE_LEAF = 13;

interface Part {
  kind: string;
  table: string;
  root: number;
  sql: string;
}

/**
 * Reads the tables of an SQLite database that nobody trusts, without the library, whose parser an agent's file could be made for. Only
 * what a table scan takes; no index is used.
 */
export class UntrustedDatabase {
  readonly pages: Pages;
  readonly #parts: readonly Part[];

  private constructor(pages: Pages, parts: readonly Part[]) {
    this.pages = pages;
    this.#parts = parts;
  }

  /** Gives `work` the database of some open files. Fails with `DamagedDatabase`. */
  static async read<T>(files: DatabaseFiles, work: (database: UntrustedDatabase) => Promise<T>): Promise<T> {
    try {
      return await work(await UntrustedDatabase.#open(await Pages.open(files)));
    } catch (error) {
      if (error instanceof RangeError) throw new DamagedDatabase('a number in it leads out of its page');
      throw error;
    }
  }

  static async #open(pages: Pages): Promise<UntrustedDatabase> {
    const parts: Part[] = [];
    let length = 0;
    for await (const { type, tbl_name: name, rootpage: root, sql } of rowsOf(pages, 1, SCHEMA)) {
      if (typeof root !== 'number' || root <= 0) continue;
      const part = { kind: String(type), table: String(name), root, sql: String(sql ?? '') };
      length += part.table.length + part.sql.length + 100;
      if (length > MAX_SCHEMA) throw new DamagedDatabase('it has too many tables');
      parts.push(part);
    }
    return new UntrustedDatabase(pages, parts);
  }

  /**
   * The rows of a table in the order in which they were added; none of a table that is not there. `reads` is asked with what lies in
   * the row's first page how much is read of it, so that long rows of no interest cost nothing.
   */
  async *rows<C extends string>(
    table: string,
    columns: readonly C[],
    reads: (row: Row<C>) => Reads = () => 'all',
  ): AsyncGenerator<Row<C>> {
    const part = this.#parts.find(({ kind, table: name }) => kind === 'table' && name === table);
    if (part === undefined) return;
    const all = columnsOf(part.sql);
    const places = all.map(name => columns.find(column => column === name));
    yield* rowsOf(this.pages, part.root, places, reads);
  }

  /** What the pages of some tables have to be replaced with so that nothing is in them any more. */
  async emptied(tables: readonly string[]): Promise<Map<number, Buffer>> {
    const replaced = new Map<number, Buffer>();
    const blank = Buffer.alloc(this.pages.size);
    for (const { root, table, kind } of this.#parts) {
      if (!tables.includes(table) || root === 1) continue;
      for await (const { number, page } of tree(this.pages, root)) {
        for (const overflow of kind === 'table' ? await overflowPages(this.pages, page) : [])
          replaced.set(overflow, blank);
        replaced.set(number, blank);
      }
      replaced.set(root, emptyLeaf(this.pages, kind === 'table' ? TABLE_LEAF : INDEX_LEAF));
    }
    return replaced;
  }
}

const SCHEMA = ['type', 'name', 'tbl_name', 'rootpage', 'sql'] as const;

function emptyLeaf({ size, usable }: Pages, kind: number): Buffer {
  const page = Buffer.alloc(size);
  page.writeUInt8(kind, 0);
  page.writeUInt16BE(usable & 0xffff, 5);
  return page;
}

/** All pages of a b-tree, leaves in their order. */
async function* tree(pages: Pages, root: number): AsyncGenerator<{ number: number; page: Buffer }> {
  const seen = new Set<number>();
  const left = [root];
  for (let number = left.pop(); number !== undefined; number = left.pop()) {
    if (seen.has(number)) throw new DamagedDatabase('a page is in it twice');
    seen.add(number);
    const page = await pages.follow(number);
    const from = number === 1 ? 100 : 0;
    const kind = page.readUInt8(from);
    if (kind === TABLE_INNER || kind === INDEX_INNER) {
      const children = cellsOf(page, from).map(at => page.readUInt32BE(at));
      left.push(...[...children, page.readUInt32BE(from + 8)].reverse());
      if (left.length > pages.count) throw new DamagedDatabase('it has more pages than there are');
    } else if (kind !== TABLE_LEAF && kind !== INDEX_LEAF) throw new DamagedDatabase(`page ${number} is of no tree`);
    yield { number, page };
  }
}

function cellsOf(page: Buffer, from: number): number[] {
  const inner = page.readUInt8(from) < INDEX_LEAF;
  const pointers = from + (inner ? 12 : 8);
  return Array.from({ length: page.readUInt16BE(from + 3) }, (_, i) => page.readUInt16BE(pointers + 2 * i));
}

async function* rowsOf<C extends string>(
  pages: Pages,
  root: number,
  columns: readonly (C | undefined)[],
  reads: (row: Row<C>) => Reads = () => 'all',
): AsyncGenerator<Row<C>> {
  let count = 0;
  for await (const { number, page } of tree(pages, root)) {
    const from = number === 1 ? 100 : 0;
    if (page.readUInt8(from) !== TABLE_LEAF) continue;
    count += page.readUInt16BE(from + 3);
    if (count > MAX_ROWS) throw new DamagedDatabase('it has too many rows');
    let taken = 0;
    for (const at of cellsOf(page, from)) {
      const cell = cellAt(pages, page, at);
      taken += cell.local.length;
      // The same bytes as thousands of rows would be work for minutes.
      if (taken > page.length) throw new DamagedDatabase('its rows lie over one another');
      const { row, cut } = rowIn(cell.local, columns);
      const wanted = reads(row);
      if (wanted !== 'nothing') yield cut && wanted === 'all' ? rowIn(await wholeOf(pages, cell), columns).row : row;
    }
  }
}

interface Cell {
  length: number;
  /** What of it lies in the leaf. */
  local: Buffer;
  /** The first page with the rest; 0 when there is none. */
  next: number;
}

function cellAt({ usable }: Pages, page: Buffer, at: number): Cell {
  const [length, afterLength] = varint(page, at);
  const [, start] = varint(page, afterLength);
  const most = usable - 35;
  const least = Math.floor(((usable - 12) * 32) / 255) - 23;
  const spilt = least + ((length - least) % (usable - 4));
  const kept = length <= most ? length : spilt <= most ? spilt : least;
  if (start + kept > page.length) throw new DamagedDatabase('a row reaches beyond its page');
  const next = kept === length ? 0 : page.readUInt32BE(start + kept);
  return { length, local: page.subarray(start, start + kept), next };
}

async function wholeOf(pages: Pages, cell: Cell): Promise<Buffer> {
  const pieces = [cell.local];
  const wanted = Math.min(cell.length, MAX_ROW);
  let have = cell.local.length;
  for (let next = cell.next; next !== 0 && have < wanted; ) {
    const page = await pages.follow(next);
    const piece = page.subarray(4, Math.min(pages.usable, 4 + cell.length - have));
    pieces.push(piece);
    have += piece.length;
    next = page.readUInt32BE(0);
  }
  return Buffer.concat(pieces);
}

async function overflowPages(pages: Pages, page: Buffer): Promise<number[]> {
  if (page.readUInt8(0) !== TABLE_LEAF) return [];
  const found = new Set<number>();
  for (const at of cellsOf(page, 0)) {
    for (let { next } = cellAt(pages, page, at); next !== 0 && !found.has(next); ) {
      found.add(next);
      next = (await pages.follow(next)).readUInt32BE(0);
    }
  }
  return [...found];
}
