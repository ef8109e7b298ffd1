import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../base/errors.ts';
import { findProgram } from '../base/programs.ts';
import { list, object, text } from '../incus/parse.ts';
import { tableName } from './hook.ts';
import { rulesOf, tableOf } from './rules.ts';
import type { Place, Policy } from './types.ts';

/** Runs nft and gives what it wrote; `input` goes to its standard input. Fails when it fails. Needs root. */
export type Nft = (args: readonly string[], input?: string) => Promise<string>;

/** Where nft is; undefined when it is in none of the usual places. */
export function findNft(): Promise<string | undefined> {
  return findProgram('nft');
}

/** Runs the program at `path`. */
export function nftAt(path: string): Nft {
  return (args, input = '') =>
    new Promise((done, fail) => {
      const o = { timeout: 10_000, maxBuffer: 64 * 1024 * 1024, env: { LC_ALL: 'C' } };
      const child = execFile(path, [...args], o, (error, stdout) => (error === null ? done(stdout) : fail(error)));
      // One that has ended already says more than a broken pipe.
      child.stdin?.on('error', () => {});
      child.stdin?.end(input);
    });
}

const PLACE: Place = { bridge: 'x', address: '192.0.2.2', gateway: '192.0.2.1', subnet: '192.0.2.0/24' };
const POLICY: Policy = {
  mode: 'restricted',
  allow: [],
  blockPrivate: true,
  blockMetadata: true,
  allowLocal: false,
  resolvers: ['192.0.2.53'],
  ports: [443],
  hosts: [],
};

/** Has the kernel look at rules as a slot gets them, without putting them in force; what it says against them. */
export async function objection(nft: Nft): Promise<string | undefined> {
  const mac = '02:00:00:00:00:01';
  const defines = ['define cable = lo', `define slotmac = ${mac}`, `define hostmac = ${mac}`];
  const { outward } = tableOf(tableName('check'), PLACE, rulesOf(POLICY, PLACE));
  try {
    await nft(['-c', '-f', '-'], `${[...defines, ...outward].join('\n')}\n`);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/** A chain of another program that drops what the host forwards unless one of its own rules accepts it. */
export interface ForwardDrop {
  family: string;
  table: string;
  chain: string;
  /** Docker's own chain for rules of the user is in the table. */
  docker: boolean;
}

/** The chains that keep what comes from a bridge from the internet, whatever else accepts it. */
export async function forwardDrops(nft: Nft, bridge: string): Promise<ForwardDrop[]> {
  const chains = elements(await nft(['-j', 'list', 'chains']), 'chain');
  const dropping = chains.filter(
    chain => chain.hook === 'forward' && chain.policy === 'drop' && ['ip', 'inet'].includes(text(chain.family)),
  );
  const found = dropping.map(async (chain): Promise<ForwardDrop[]> => {
    const [family, table] = [text(chain.family), text(chain.table)];
    const rules = elements(await nft(['-j', 'list', 'table', family, table]), 'rule');
    if (rules.some(rule => accepts(rule, bridge))) return [];
    const docker = chains.some(one => one.family === family && one.table === table && one.name === 'DOCKER-USER');
    return [{ family, table, chain: text(chain.name), docker }];
  });
  return (await Promise.all(found)).flat();
}

function accepts(rule: Readonly<Record<string, unknown>>, bridge: string): boolean {
  const parts = list(rule.expr).map(part => object(part));
  const from = parts.some(part => {
    const match = object(part.match);
    return object(object(match.left).meta).key === 'iifname' && match.op === '==' && match.right === bridge;
  });
  return from && parts.some(part => 'accept' in part);
}

function elements(json: string, kind: string): Readonly<Record<string, unknown>>[] {
  const all = list(object(JSON.parse(json)).nftables).map(element => object(element));
  return all.flatMap(element => (kind in element ? [object(element[kind])] : []));
}

/**
 * Tables of slots whose cable is gone, as when the end of a container was seen by nobody. They hold nothing, and a container that
 * starts has its cable before its table.
 */
export async function leftoverTables(nft: Nft): Promise<string[]> {
  const blocks = (await nft(['list', 'chains', 'netdev'])).split(/^(?=table )/m);
  const found = blocks.map(async block => {
    const name = /^table netdev (\S+) \{/.exec(block)?.[1];
    if (name === undefined || !name.startsWith(tableName(''))) return [];
    const devices = [...block.matchAll(/ hook ingress devices? (?:= \{ )?"?([\w.@-]+)/g)].map(
      ([, device = '']) => device,
    );
    const there = await Promise.all(devices.map(device => isDevice(device)));
    return there.includes(true) ? [] : [name];
  });
  return (await Promise.all(found)).flat();
}

async function isDevice(name: string): Promise<boolean> {
  return access(join('/sys/class/net', name)).then(
    () => true,
    () => false,
  );
}

/** Removes the tables that `leftoverTables` gives. */
export async function removeLeftoverTables(nft: Nft): Promise<void> {
  for (const name of await leftoverTables(nft)) await nft(['delete', 'table', 'netdev', name]);
}
