import type { SlotUsage } from '../../server/protocol/methods.ts';
import type { Session, Slot } from '../../server/protocol/types.ts';
import { agentWords, conditionWords } from './appearance.ts';
import { isAskedFor, lifetimeOf } from './facts.ts';
import { ago, duration, escapeMarkdown, size } from './text.ts';

/** Two readings of CPU time, so that a share can be told. */
export interface CpuReading {
  readonly cpuSeconds: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** A slot's tooltip as markdown; every value is escaped. `usage` is absent while the container does not run. */
export function slotTooltip(
  slot: Slot,
  name: string,
  now: number,
  usage?: SlotUsage,
  before?: CpuReading,
  title?: string,
): string {
  const rows: [string, string | undefined][] = [
    ['Session', title],
    ['State', slot.status === 'running' ? undefined : conditionWords(slot, undefined)],
    ['Agent', agentLine(slot, now)],
    ['Problem', slot.problem?.message],
    ['Container', slot.container],
    ['Image', slot.image],
    ['Profile', slot.profile],
    ['Lifetime', lifetimeOf(slot)],
    ['Up', slot.startedAt && slot.status === 'running' ? uptime(slot.startedAt, now) : undefined],
    ['CPU', usage && cpuLine(usage, now, before)],
    ['Memory', usage && memoryLine(usage)],
    ['Processes', usage && String(usage.processes)],
    ['Disk', usage?.diskBytes === undefined ? undefined : size(usage.diskBytes)],
    ['Address', slot.ip],
    ['Network', slot.network],
    ['Protected paths', slot.protection],
    ['Shared', slot.shared?.join(', ')],
    ...slot.mounts.filter(isAskedFor(slot)).map((mount): [string, string] => ['Mount', mountLine(mount)]),
  ];
  return table(name, rows);
}

/** A session's tooltip as markdown. */
export function sessionTooltip(session: Session, now: number): string {
  return table(session.title ?? 'Session', [
    ['Agent', session.agent],
    ['Started', ago(session.startedAt, now)],
    ['Last activity', session.lastActivityAt && ago(session.lastActivityAt, now)],
    ['State', session.live ? 'live' : 'saved'],
    ['Slot', session.slot === undefined ? undefined : String(session.slot)],
    ['Profile', session.profile],
    ['Path inside', session.path],
    ['Id', session.id],
  ]);
}

function table(title: string, rows: [string, string | undefined][]): string {
  const lines = rows
    .filter((row): row is [string, string] => row[1] !== undefined && row[1] !== '')
    .map(([name, value]) => `| ${name} | ${escapeMarkdown(value)} |`);
  return `**${escapeMarkdown(title)}**\n\n| | |\n| --- | --- |\n${lines.join('\n')}\n`;
}

function agentLine(slot: Slot, now: number): string {
  if (slot.status !== 'running') return slot.agent;
  const why = slot.agentState.why === undefined ? '' : ` (${slot.agentState.why})`;
  return `${slot.agent}: ${agentWords(slot.agentState.state)}, ${ago(slot.agentState.since, now)}${why}`;
}

function uptime(startedAt: string, now: number): string {
  return duration((now - Date.parse(startedAt)) / 1000);
}

function cpuLine(usage: SlotUsage, now: number, before: CpuReading | undefined): string {
  const total = `${duration(usage.cpuSeconds)} used`;
  const seconds = before === undefined ? 0 : (now - before.at) / 1000;
  if (before === undefined || seconds < 1 || usage.cpuSeconds < before.cpuSeconds) return total;
  return `${Math.round((100 * (usage.cpuSeconds - before.cpuSeconds)) / seconds)} % of a core, ${total}`;
}

function memoryLine(usage: SlotUsage): string {
  const limit = usage.memoryLimitBytes === undefined ? '' : ` of ${size(usage.memoryLimitBytes)}`;
  return `${size(usage.memoryBytes)}${limit}`;
}

function mountLine(mount: Slot['mounts'][number]): string {
  return `${mount.path} ← ${mount.source}${mount.readonly ? ' (read-only)' : ''}`;
}
