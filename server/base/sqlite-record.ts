/** What a column holds; a blob is not read and comes as null. */
export type Value = string | number | null;

/** The columns of a row by their names; what its record does not have is undefined, and a text at the end of what was read is cut off. */
export type Row<C extends string> = { [K in C]?: Value };

/** The columns of a record as far as it is there, and whether one that has a name is not, or not to its end. */
export function rowIn<C extends string>(
  record: Buffer,
  columns: readonly (C | undefined)[],
): { row: Row<C>; cut: boolean } {
  const row: Row<C> = {};
  const [header, first] = varint(record, 0);
  let at = header;
  for (let i = 0, kindAt = first; i < columns.length && kindAt < header; i++) {
    if (kindAt >= record.length) return { row, cut: true };
    const [kind, next] = varint(record, kindAt);
    kindAt = next;
    const length = lengthOf(kind);
    const column = columns[i];
    const missing = at + length > record.length;
    if (column !== undefined && (!missing || kind >= 12)) row[column] = valueIn(record.subarray(at, at + length), kind);
    if (missing && columns.slice(i).some(name => name !== undefined)) return { row, cut: true };
    at += length;
  }
  return { row, cut: false };
}

function lengthOf(kind: number): number {
  if (kind >= 12) return Math.floor((kind - 12) / 2);
  return [0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0][kind] ?? 0;
}

function valueIn(data: Buffer, kind: number): Value {
  if (kind >= 13 && kind % 2 === 1) return data.toString('utf8');
  if (kind >= 1 && kind <= 5) return data.readIntBE(0, data.length);
  if (kind === 6) return Number(data.readBigInt64BE(0));
  if (kind === 7) return data.readDoubleBE(0);
  return kind === 8 ? 0 : kind === 9 ? 1 : null;
}

/** A number of 1 to 9 bytes and where it ends. Larger ones than a number here holds exactly are of no use to anybody. */
export function varint(data: Buffer, at: number): [value: number, end: number] {
  let value = 0;
  for (let i = 0; i < 8; i++) {
    const byte = data.readUInt8(at + i);
    value = value * 128 + (byte & 127);
    if (byte < 128) return [value, at + i + 1];
  }
  return [value * 256 + data.readUInt8(at + 8), at + 9];
}

/** The names of the columns in the text that made a table: its first words between commas, but for what is said of the whole table. */
export function columnsOf(sql: string): string[] {
  const body = sql.slice(sql.indexOf('(') + 1, sql.lastIndexOf(')'));
  const pieces: string[] = [''];
  let depth = 0;
  for (const letter of body.slice(0, 65_536)) {
    if (letter === '(') depth++;
    if (letter === ')') depth--;
    if (letter === ',' && depth === 0) pieces.push('');
    else pieces.push((pieces.pop() ?? '') + letter);
  }
  return pieces
    .map(piece => piece.trim().split(/\s/)[0] ?? '')
    .filter(word => !/^(constraint|primary|unique|check|foreign)$/i.test(word))
    .map(word => word.replace(/^[`"[]|[`"\]]$/g, ''));
}
