import type { Model } from '../model/model.ts';
import { countsOf, ownSlots } from '../model/selectors.ts';
import { plural } from './text.ts';
import { welcomeCase } from './welcome.ts';

/** What the status bar shows. */
export interface Summary {
  readonly text: string;
  readonly tooltip: string;
  readonly spoken: string;
  readonly severity: 'none' | 'warning' | 'error';
}

/** The state of this window's slots in a few words. */
export function summaryOf(model: Model): Summary {
  const trouble = troubleOf(model);
  if (trouble !== undefined) return trouble;
  const counts = countsOf(ownSlots(model.slots, model.surroundings.folders));
  const parts = [
    counts.working > 0 && `${counts.working} working`,
    counts.waiting > 0 && `${counts.waiting} waiting`,
    counts.failed > 0 && `${counts.failed} failed`,
  ].filter(part => part !== false);
  const quiet = counts.running > 0 ? `${counts.running} ${counts.idle === counts.running ? 'idle' : 'running'}` : '';
  const words = parts.join(' · ') || quiet;
  return {
    text: `$(${icon(counts.waiting, counts.working)})${words ? ` ${words}` : ''}`,
    tooltip: `Incus Agents: ${plural(counts.total, 'slot')}${words ? `, ${parts.join(', ') || quiet}` : ''}`,
    spoken: `Incus Agents, ${words || 'no agent is running'}`,
    severity: counts.waiting > 0 ? 'warning' : 'none',
  };
}

/** What the view's badge counts: rows of this window that want the user. */
export function badgeOf(model: Model): { value: number; tooltip: string } | undefined {
  const { wanting } = countsOf(ownSlots(model.slots, model.surroundings.folders));
  if (wanting === 0) return undefined;
  return { value: wanting, tooltip: `${plural(wanting, 'agent')} ${wanting === 1 ? 'wants' : 'want'} you` };
}

function icon(waiting: number, working: number): string {
  if (waiting > 0) return 'bell-dot';
  return working > 0 ? 'sync~spin' : 'vm';
}

function troubleOf(model: Model): Summary | undefined {
  const say = (text: string, tooltip: string, severity: Summary['severity']): Summary => ({
    text,
    tooltip,
    spoken: `Incus Agents, ${tooltip}`,
    severity,
  });
  const { link, incus } = model;
  if (link.state === 'failed') return say('$(error) Incus Agents', `The backend stopped: ${link.message}`, 'error');
  if (link.state === 'idle') return say('$(vm)', 'Incus Agents', 'none');
  if (link.state !== 'ready' || incus.status === 'connecting') return say('$(loading~spin)', 'Connecting…', 'none');
  if (incus.status !== 'unavailable') return undefined;
  // The message says what mends it.
  return say('$(warning) Incus Agents', incus.message ?? `Incus is not usable (${welcomeCase(model)})`, 'warning');
}
