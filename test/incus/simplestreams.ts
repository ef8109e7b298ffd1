import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip, zstdDecompress } from 'node:zlib';
import { tempDirectory } from './support.ts';

/** An image on a server of the test's own, as the servers of distributions offer theirs. */
export interface Offered {
  /** The server's address. */
  url: string;
  alias: string;
  /** What the image will have here: another than the one that it was made from. */
  fingerprint: string;
  /** Paths that were asked for. */
  asked: string[];
}

/**
 * Offers the image of this Incus that is called `from` on a simplestreams server, packed in another way. The tables are as in
 * Incus's shared/simplestreams: an index that names products, and of each product versions with files.
 */
export async function offerImage(t: { after(end: () => void): void }, from: string): Promise<Offered> {
  const packed = await exported(t, from);
  const fingerprint = createHash('sha256').update(packed).digest('hex');
  const alias = 'offered/1';
  const file = { ftype: 'incus_combined.tar.gz', path: 'files/image', sha256: fingerprint, size: packed.length };
  const arch = process.arch === 'arm64' ? 'arm64' : 'amd64';
  const product = `offered:1:${arch}:default`;
  const versions = { '20260102_0304': { items: { 'incus_combined.tar.gz': file } } };
  const about = { aliases: alias, arch, os: 'Offered', release: '1', release_title: '1', variant: 'default', versions };
  const list = { datatype: 'image-downloads', format: 'products:1.0' };
  const index = { images: { ...list, path: 'streams/v1/images.json', products: [product] } };
  const answers = new Map<string, string | Buffer>([
    ['/streams/v1/index.json', JSON.stringify({ format: 'index:1.0', index })],
    ['/streams/v1/images.json', JSON.stringify({ ...list, content_id: 'images', products: { [product]: about } })],
    ['/files/image', packed],
  ]);
  const asked: string[] = [];
  const server = createServer(({ url = '' }, to) => {
    asked.push(url);
    const answer = answers.get(url);
    to.writeHead(answer === undefined ? 404 : 200).end(answer);
  });
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  t.after(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, alias, fingerprint, asked };
}

/** The image in one file, with gzip instead of what it has, so that Incus does not take it for the one that is there. */
async function exported(t: { after(end: () => void): void }, from: string): Promise<Buffer> {
  const directory = await tempDirectory(t);
  await promisify(execFile)('incus', ['image', 'export', from, join(directory, 'image')]);
  const [name = ''] = await readdir(directory);
  const bytes = await readFile(join(directory, name));
  const tar = name.endsWith('.zst') ? await promisify(zstdDecompress)(bytes) : bytes;
  return promisify(gzip)(tar, { level: 1 });
}
