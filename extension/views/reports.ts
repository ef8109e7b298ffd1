import type { ResultOf, SlotReach } from '../../server/protocol/methods.ts';
import type { ConfigOrigin, HealthCheck, Session, TranscriptEntry } from '../../server/protocol/types.ts';
import { plain } from './text.ts';

/** Effective configuration with origins, as text. */
export function configReport(workspace: string, shown: ResultOf<'config/show'>): string {
  const line = ({ key, value, origin }: (typeof shown.values)[number]) =>
    `${key} = ${JSON.stringify(value)}    # ${originWords(origin)}`;
  const set = shown.values.filter(({ origin }) => origin.kind !== 'default').map(line);
  const defaults = shown.values.filter(({ origin }) => origin.kind === 'default').map(line);
  const problems = shown.problems.map(
    ({ path, line, column, severity, message }) => `${path}:${line}:${column} ${severity}: ${plain(message, 400)}`,
  );
  return [
    `Effective configuration of ${workspace}`,
    ...(problems.length === 0 ? [] : ['', 'Problems', '', ...problems]),
    ...['', 'What is set', '', ...(set.length === 0 ? ['(nothing)'] : set)],
    ...['', 'Defaults', '', ...defaults],
    '',
  ].join('\n');
}

/** A health check's findings, by group. */
export function healthReport(checks: readonly HealthCheck[]): string {
  const groups = [...new Set(checks.map(check => check.group))];
  const lines = groups.flatMap(group => [
    capital(group),
    ...checks.filter(check => check.group === group).flatMap(healthLines),
    '',
  ]);
  return ['Health of Incus Agents', '', ...lines].join('\n');
}

function capital(word: string): string {
  return `${word.charAt(0).toUpperCase()}${word.slice(1)}`;
}

/** What an agent can reach, as verified from its container. */
export function reachReport(name: string, reach: SlotReach): string {
  const { network } = reach;
  return [
    `What ${name} can reach`,
    ...section(
      'Files of this machine',
      reach.mounts.map(mount => `${mount.path} ← ${mount.source}${mount.readonly ? ' (read-only)' : ''}`),
    ),
    ...section('Network', [networkWords(network)]),
    ...(network.allowed === undefined ? [] : section('Allowed hosts', network.allowed)),
    ...(network.blocked === undefined
      ? []
      : section(
          'Blocked so far',
          network.blocked.map(({ host, count }) => `${host} (${count} ×)`),
        )),
    ...section(
      'Limits',
      Object.entries(reach.limits).map(([key, value]) => `${key} = ${value}`),
    ),
    ...section('Shared with it', reach.shared),
    ...section('Ports and sockets', (reach.forwards ?? []).map(forwardWords)),
    ...section(
      'Protected paths (locked: nobody inside can change them)',
      reach.protection.map(({ path, state }) => `${path}: ${state}`),
    ),
    ...section('The container', containerWords(reach)),
    '',
  ].join('\n');
}

function networkWords({ mode, verified }: SlotReach['network']): string {
  if (mode === 'open' || mode === 'unknown') return mode;
  if (verified === 'held') return `${mode}; held: seen in the kernel’s own rules`;
  if (verified === 'open') return `${mode}; NOT HELD: the kernel has other rules for this slot`;
  return `${mode}; not verified`;
}

function containerWords({ privileged, ids, nesting, guestApi, devices = [], verified }: SlotReach): string[] {
  const yes = (value: boolean | undefined) => (value === undefined ? 'not known' : value ? 'yes' : 'no');
  return [
    `root inside is root on this machine: ${yes(privileged)}`,
    `user ids of its own: ${yes(ids?.isolated)}`,
    `containers inside: ${yes(nesting)}`,
    `guest API of Incus: ${yes(guestApi)}`,
    ...(devices.length === 0 ? [] : [`devices of this machine: ${devices.join(', ')}`]),
    ...(verified === false ? ['Mounts and devices are as configured: only root may look into the container.'] : []),
  ];
}

function forwardWords({
  listen,
  connect,
  at,
  running,
  configured,
}: NonNullable<SlotReach['forwards']>[number]): string {
  const [from, to] = at === 'host' ? ['this computer', 'inside'] : ['inside', 'this computer'];
  const notes = [...(running ? [] : ['not running']), ...(configured ? [] : ['not in the configuration'])];
  return `${listen} (${from}) → ${connect} (${to})${notes.map(note => `, ${note}`).join('')}`;
}

/** A conversation as text. */
export function transcriptReport(session: Session, transcript: readonly TranscriptEntry[], truncated = false): string {
  const agent = plain(session.agent, 30);
  const head = `${plain(session.title ?? '') || 'Session'} · ${agent} · ${minute(session.startedAt)}`;
  const entries = transcript.map(({ role, text, at }) => {
    const when = at === undefined ? '' : ` · ${minute(at)}`;
    return `── ${{ user: 'You', assistant: agent }[role] ?? plain(role, 30)}${when}\n\n${text}\n`;
  });
  const note = truncated ? ['This is the end of a long conversation; what was said before is left out here.', ''] : [];
  return [head, '', ...note, ...(entries.length === 0 ? ['The conversation is empty.'] : entries)].join('\n');
}

/** A time as the user's own clock shows it, to the minute. */
function minute(time: string): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return plain(time, 40);
  const two = (value: number) => String(value).padStart(2, '0');
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-');
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

function section(title: string, lines: readonly string[]): string[] {
  const shown = lines.length === 0 ? ['(none)'] : lines;
  return ['', title, ...shown.map(line => `  ${plain(line, 400)}`)];
}

function healthLines(check: HealthCheck): string[] {
  const mark = { ok: '✓', warning: '!', failed: '✗' }[check.status];
  const fix =
    check.fix === undefined
      ? []
      : [`      Fix: ${check.fix.title}${check.fix.command ? ` (${check.fix.command})` : ''}`];
  const detail = (check.detail ?? '').split('\n').filter(line => line !== '');
  const details = detail.map(line => `      ${plain(line, 400)}`);
  return [`  ${mark} ${check.status}: ${plain(check.message, 400)}`, ...details, ...fix];
}

function originWords(origin: ConfigOrigin): string {
  const place = origin.path === undefined ? '' : ` ${origin.path}${origin.line === undefined ? '' : `:${origin.line}`}`;
  return `${origin.kind}${place}`;
}
