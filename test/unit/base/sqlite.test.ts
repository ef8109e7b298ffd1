import assert from 'node:assert/strict';
import { copyFile, mkdtemp, open, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { UntrustedDatabase } from '../../../server/base/sqlite.ts';
import { DamagedDatabase } from '../../../server/base/sqlite-pages.ts';

interface Ending {
  after(fn: () => Promise<void> | void): void;
}

async function place(t: Ending): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'ia-sqlite-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  return join(dir, 'a.db');
}

/** Gives `work` the database at a path as we read it. */
async function read<T>(path: string, work: (database: UntrustedDatabase) => Promise<T>): Promise<T> {
  const database = await open(path);
  const log = await open(`${path}-wal`).catch(() => undefined);
  try {
    return await UntrustedDatabase.read({ database, log }, work);
  } finally {
    await database.close();
    await log?.close();
  }
}

const rows = (path: string, table = 't', columns: string[] = ['id', 'a', 'b', 'c']) =>
  read(path, async database => {
    const found = [];
    for await (const row of database.rows(table, columns)) found.push({ ...row });
    return found;
  });

const SQL = 'CREATE TABLE `t` (`id` text PRIMARY KEY, a, "b" real DEFAULT (1 + 2), CONSTRAINT x UNIQUE(`id`, a))';

function filled(path: string, pageSize: number, count: number): DatabaseSync {
  const db = new DatabaseSync(path);
  db.exec(`PRAGMA page_size = ${pageSize}; PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 50`);
  db.exec(`${SQL}; ALTER TABLE t ADD COLUMN c text`);
  const add = db.prepare('INSERT INTO t (id, a, b, c) VALUES (?, ?, ?, ?)');
  db.exec('BEGIN');
  const numbers = [0, 1, -1, 127, -32_768, 8_000_000, -2_000_000_000, 140_000_000_000_000, -(2 ** 52)];
  for (let i = 0; i < count; i++)
    add.run(`id-${i}`, numbers[i % numbers.length] ?? 0, i / 3, i % 7 === 0 ? null : 'ä€'.repeat((i * i) % 3000));
  db.exec('COMMIT');
  db.exec("DELETE FROM t WHERE a = 127; UPDATE t SET c = 'changed' WHERE a = -1");
  return db;
}

test('the rows of an SQLite database are those that the library gives, with what only its log has', async t => {
  for (const [pageSize, count] of [
    [512, 300],
    [4096, 600],
    [65_536, 600],
  ] as const) {
    const path = await place(t);
    const db = filled(path, pageSize, count);
    const all = () =>
      db
        .prepare('SELECT id, a, b, c FROM t ORDER BY rowid')
        .all()
        .map(row => ({ ...row }));
    assert.ok(all().length > 200);
    assert.deepEqual(await rows(path), all(), 'partly in the log');
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    assert.deepEqual(await rows(path), all(), 'all in the file');
    db.exec("INSERT INTO t (id, c) VALUES ('last', 'in the log alone')");
    assert.equal((await rows(path)).at(-1)?.id, 'last');
    db.exec("PRAGMA wal_checkpoint(RESTART); UPDATE t SET c = 'new' WHERE id = 'last'");
    assert.equal((await rows(path)).at(-1)?.c, 'new', 'what is left of the older log does not count');
    db.exec("PRAGMA cache_size = 1; BEGIN; UPDATE t SET c = 'not yet'");
    assert.equal((await rows(path)).at(-1)?.c, 'new', 'nor what is not committed');
    db.exec('ROLLBACK');
    assert.deepEqual(await rows(path), all());
    db.close();
    assert.deepEqual(await rows(path, 'none'), []);
  }
});

test('a log that was torn counts up to its last whole commit', async t => {
  const path = await place(t);
  const db = filled(path, 4096, 50);
  db.exec("PRAGMA wal_checkpoint(TRUNCATE); UPDATE t SET c = 'one' WHERE id = 'id-0'");
  const whole = (await readFile(`${path}-wal`)).length;
  db.exec("UPDATE t SET c = 'two' WHERE id = 'id-0'");
  const copy = `${path}.copy`;
  await copyFile(path, copy);
  const log = await readFile(`${path}-wal`);
  db.close();
  const first = async () => (await rows(copy)).find(({ id }) => id === 'id-0')?.c;
  await writeFile(`${copy}-wal`, log);
  assert.equal(await first(), 'two');
  log[whole + 100] = (log[whole + 100] ?? 0) ^ 1;
  await writeFile(`${copy}-wal`, log);
  assert.equal(await first(), 'one');
  await writeFile(`${copy}-wal`, log.subarray(0, whole + 50));
  assert.equal(await first(), 'one');
});

test('a table is emptied with its index and its long rows, and the database stays whole', async t => {
  const path = await place(t);
  const db = new DatabaseSync(path);
  db.exec('CREATE TABLE login (id text PRIMARY KEY, token text); CREATE TABLE other (id text PRIMARY KEY)');
  db.exec("INSERT INTO other VALUES ('kept'); BEGIN");
  const token = 'the-token-';
  db.prepare('INSERT INTO login VALUES (?, ?)').run('long', token.repeat(20_000));
  for (let i = 0; i < 500; i++) db.prepare('INSERT INTO login VALUES (?, ?)').run(`${token}${i}`, token);
  db.exec('COMMIT');
  db.close();
  const emptied = await read(path, database => database.emptied(['login', 'missing']));
  const file = await open(path, 'r+');
  for (const [number, page] of emptied) await file.write(page, 0, page.length, (number - 1) * page.length);
  await file.close();
  assert.ok(!(await readFile(path)).includes(token));
  const after = new DatabaseSync(path);
  t.after(() => after.close());
  assert.deepEqual(after.prepare('SELECT * FROM login').all(), []);
  assert.equal(after.prepare("SELECT id FROM other WHERE id = 'kept'").get()?.id, 'kept');
  after.exec("INSERT INTO login VALUES ('a', 'b')");
  assert.equal(after.prepare("SELECT token FROM login WHERE id = 'a'").get()?.token, 'b');
});

test('whatever is in the file, reading ends, with rows or with what is wrong', { timeout: 60_000 }, async t => {
  const path = await place(t);
  const db = filled(path, 512, 60);
  const good = await readFile(path);
  const log = await readFile(`${path}-wal`);
  db.close();
  const copy = `${path}.copy`;
  let seed = 1;
  const random = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return seed % below;
  };
  let damaged = 0;
  for (let round = 0; round < 150; round++) {
    const bad = Buffer.from(good);
    // In the pages' heads most of the time, where it hurts.
    for (let i = 0; i < 8; i++)
      bad[random(2) === 0 ? random(bad.length) : random(bad.length / 512) * 512 + random(40)] = random(256);
    if (round > 0) bad.write('SQLite format 3\0', 0, 'latin1');
    await writeFile(copy, round % 5 === 4 ? bad.subarray(0, random(bad.length)) : bad);
    if (round % 2 === 0) await writeFile(`${copy}-wal`, log);
    else await rm(`${copy}-wal`, { force: true });
    try {
      await rows(copy);
      await read(copy, database => database.emptied(['t']));
    } catch (error) {
      assert.ok(error instanceof DamagedDatabase, String(error));
      damaged++;
    }
  }
  assert.ok(damaged > 20 && damaged < 150, `${damaged}`);
});

test('a tree that leads back to itself, a file that is cut off and a huge one end the reading', async t => {
  const path = await place(t);
  const db = filled(path, 4096, 900);
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  const root = Number(db.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 't'").get()?.rootpage);
  db.close();
  const good = await readFile(path);
  const looped = Buffer.from(good);
  looped.writeUInt32BE(root, (root - 1) * 4096 + 8);
  await writeFile(path, looped);
  await assert.rejects(rows(path), DamagedDatabase);
  const leaf = good.readUInt32BE((root - 1) * 4096 + 8);
  const piled = Buffer.from(good);
  const cell = piled.readUInt16BE((leaf - 1) * 4096 + 8);
  piled.writeUInt16BE(1000, (leaf - 1) * 4096 + 3);
  for (let i = 0; i < 1000 && 8 + 2 * i < cell - 2; i++) piled.writeUInt16BE(cell, (leaf - 1) * 4096 + 8 + 2 * i);
  await writeFile(path, piled);
  await assert.rejects(rows(path), /lie over one another/);
  await writeFile(path, good.subarray(0, good.length - 1));
  await assert.rejects(rows(path), DamagedDatabase);
  good.writeUInt32BE(0, 28);
  await writeFile(path, good);
  assert.ok((await rows(path)).length > 200, 'an old version did not say how long it is');
  await truncate(path, 3 * 1024 ** 3);
  await assert.rejects(rows(path), DamagedDatabase);
  await writeFile(path, 'SQLite format 3');
  await assert.rejects(rows(path), DamagedDatabase);
});
