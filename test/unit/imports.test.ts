import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, it } from 'node:test';

const ROOT = join(import.meta.dirname, '../..');

/** Which rooms of server/ each room may import besides itself; the rooms between do not import one another. */
const BELOW = ['incus', 'base', 'protocol'];
const BETWEEN = [
  'state',
  'attention',
  'slots',
  'sessions',
  'agents',
  'workspace',
  'images',
  'registries',
  'network',
  'config',
  'trust',
  'guest',
  'sharing',
];
const FLOWS = ['flows', ...BETWEEN, ...BELOW];
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  base: ['protocol'],
  incus: ['base', 'protocol'],
  ...Object.fromEntries(BETWEEN.map(room => [room, BELOW])),
  flows: FLOWS,
  methods: ['methods', ...FLOWS],
  connections: ['connections', 'methods', ...FLOWS],
};

interface Import {
  from: string;
  to: string;
}

function importsBelow(folder: string): Import[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter(path => path.endsWith('.ts'))
    .flatMap(path => importsOf(`${folder}/${path}`));
}

function importsOf(from: string): Import[] {
  const text = readFileSync(join(ROOT, from), 'utf8');
  const pattern =
    /^\s*(?:import|export)\b[^'"]*?\bfrom\s+['"]([^'"]+)['"]|^\s*import\s+['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm;
  return [...text.matchAll(pattern)].map(match => {
    const name = match[1] ?? match[2] ?? match[3] ?? '';
    const to = name.startsWith('.') ? relative(ROOT, join(ROOT, dirname(from), name)) : name;
    return { from, to };
  });
}

function roomOf(path: string): string | undefined {
  const [top, room, more] = path.split('/');
  return top === 'server' && more !== undefined ? room : undefined;
}

function breaksRoomOrder({ from, to }: Import): boolean {
  if (!to.startsWith('server/')) return to.startsWith('extension/') || to.startsWith('test/');
  const [here, there] = [roomOf(from), roomOf(to)];
  if (here === undefined) return false; // main.ts and what is wired beside it
  if (there === undefined) return true;
  return here !== there && !(ALLOWED[here] ?? []).includes(there);
}

describe('imports', () => {
  const server = importsBelow('server');
  const extension = importsBelow('extension');
  const shown = (list: readonly Import[]) => list.map(({ from, to }) => `${from} → ${to}`);

  it('are found at all', () => {
    assert.ok(server.length > 50 && extension.length > 50);
  });

  it('of the backend run downwards, and the rooms between do not import one another', () => {
    assert.deepEqual(shown(server.filter(breaksRoomOrder)), []);
  });

  it('of the backend do not reach the editor', () => {
    assert.deepEqual(shown(server.filter(({ to }) => to === 'vscode')), []);
  });

  it('of the protocol are none but its own', () => {
    const outside = server.filter(
      ({ from, to }) => from.startsWith('server/protocol/') && !to.startsWith('server/protocol/'),
    );
    assert.deepEqual(shown(outside), []);
  });

  it('of the extension reach nothing of the backend but the protocol', () => {
    const outside = extension.filter(({ to }) => to.startsWith('server/') && !to.startsWith('server/protocol/'));
    assert.deepEqual(shown(outside), []);
    const packages = extension.filter(({ to }) => !/^(extension|server)\//.test(to) && !to.startsWith('node:'));
    const known = new Set(['vscode', 'vscode-jsonrpc/node']);
    assert.deepEqual(shown(packages.filter(({ to }) => !known.has(to))), []);
  });

  it('of what is tested without the editor do not need it', () => {
    const pure = extension.filter(({ from, to }) => from.startsWith('extension/model/') && to === 'vscode');
    assert.deepEqual(shown(pure), []);
  });
});
