import type { GuestFiles } from './files.ts';

/** coi's markers: a block that coi wrote is replaced by ours, and the other way round. */
export const BLOCK_BEGIN = '# BEGIN COI Sandbox Context (managed by coi - do not edit this block)';
export const BLOCK_END = '# END COI Sandbox Context (managed by coi)';

/** What the agent is told about where it is. Sentences and words; empty lists are said in words. */
export interface ContextFacts {
  workspace: string;
  home: string;
  container: string;
  agent: string;
  persistent: boolean;
  /** A sentence on what the network allows. */
  network: string;
  docker: boolean;
  limits?: Readonly<Record<string, string>>;
  /** What of the user's is in the container. */
  shared?: readonly string[];
  /** Paths that cannot be changed, relative to the workspace. */
  protectedPaths?: readonly string[];
  /** Instead of ours: the user's own text. */
  own?: string;
  /** Appended as it is: the profile's own context. */
  more?: string;
}

/** The text of SANDBOX_CONTEXT.md. */
export function contextText(guest: GuestFiles, facts: ContextFacts): string {
  const text = facts.own === undefined ? ourText(guest, facts) : `${facts.own.trimEnd()}\n`;
  return facts.more === undefined ? text : `${text}\n# User-Provided Profile Context\n\n${facts.more.trimEnd()}\n`;
}

function ourText(guest: GuestFiles, facts: ContextFacts): string {
  const limits = Object.entries(facts.limits ?? {}).map(([key, value]) => `${key} = ${value}`);
  const values: Record<string, string> = {
    workspace: facts.workspace,
    home: facts.home,
    container: facts.container,
    agent: facts.agent,
    network: facts.network,
    persistence: facts.persistent
      ? 'The container is kept when the session is closed.'
      : 'The container is deleted when the session is closed: keep in the workspace what must stay.',
    docker: facts.docker ? 'may be used in here' : 'turned off',
    limits: limits.length === 0 ? 'none beyond those of the machine' : limits.join(', '),
    shared: facts.shared?.length ? facts.shared.join(', ') : 'nothing of the user but the workspace',
    protected: protectedText(facts.protectedPaths ?? []),
  };
  return guest.context.replace(/\{\{(\w+)\}\}/g, (_, key: string) => oneLineEach(values[key] ?? ''));
}

function protectedText(paths: readonly string[]): string {
  if (paths.length === 0) return 'None in this slot.';
  const list = paths.map(path => `- \`${path}\``).join('\n');
  return `These are read-only, also for root, because the user's machine runs or trusts what is in them. Do not try to get around it; ask the user.\n\n${list}`;
}

function oneLineEach(text: string): string {
  return text.replace(/[\0\r]/g, '');
}

/** A managed block around a text, with its markers and a line break at the end. */
export function managedBlock(content: string): string {
  return `${BLOCK_BEGIN}\n${content.trim()}\n${BLOCK_END}\n`;
}
