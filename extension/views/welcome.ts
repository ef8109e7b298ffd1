import type { UnavailableReason } from '../../server/protocol/types.ts';
import type { Model } from '../model/model.ts';

/** The welcome texts of the manifest; each has its own `when`. */
export const WELCOME_CASES = [
  'loading',
  'notLinux',
  'backendFailed',
  'reloadNeeded',
  'connecting',
  'notInstalled',
  'notRunning',
  'noPermission',
  'notInitialised',
  'noProject',
  'noDisk',
  'tooOld',
  'unavailable',
  'noFolder',
  'untrusted',
  'imageMissing',
  'empty',
] as const;

export type WelcomeCase = (typeof WELCOME_CASES)[number];

const REASONS: Readonly<Record<UnavailableReason, WelcomeCase>> = {
  'not-linux': 'notLinux',
  'not-installed': 'notInstalled',
  'not-running': 'notRunning',
  'no-permission': 'noPermission',
  'not-initialised': 'notInitialised',
  'no-project': 'noProject',
  'no-disk': 'noDisk',
  'too-old': 'tooOld',
};

/** What the view says while the tree has no rows. The first thing that is missing comes first. */
export function welcomeCase(model: Pick<Model, 'surroundings' | 'link' | 'loaded' | 'incus'>): WelcomeCase {
  const { folders, trusted, linux, imageMissing } = model.surroundings;
  if (!linux) return 'notLinux';
  if (model.link.state === 'failed') return model.link.action === 'reload' ? 'reloadNeeded' : 'backendFailed';
  if (!model.loaded) return 'loading';
  if (model.incus.status === 'connecting') return 'connecting';
  if (model.incus.status === 'unavailable') return caseOf(model.incus.reason);
  if (folders.length === 0) return 'noFolder';
  if (!trusted) return 'untrusted';
  return imageMissing ? 'imageMissing' : 'empty';
}

/** A newer backend may give reasons that are not known here. */
function caseOf(reason: string | undefined): WelcomeCase {
  return Object.entries(REASONS).find(([known]) => known === reason)?.[1] ?? 'unavailable';
}

/**
 * What is said above the rows: that they may be out of date, or why no slot can be opened. Only with rows: the editor shows no welcome text
 * beside a message.
 */
export function viewMessage(
  model: Pick<Model, 'link' | 'incus' | 'loaded' | 'surroundings'>,
  empty: boolean,
): string | undefined {
  const { link, incus, surroundings } = model;
  if (empty || !model.loaded) return undefined;
  if (link.state === 'failed')
    return link.action === 'reload'
      ? `The rows may be out of date. ${link.message}`
      : `The backend stopped. Run "Incus Agents: Restart Backend". ${link.message}`;
  if (link.state !== 'ready') return 'Reconnecting. The rows may be out of date.';
  if (incus.status === 'connecting') return 'Connecting to Incus. The rows may be out of date.';
  if (incus.status === 'unavailable') return incus.message ?? 'Incus does not answer.';
  if (surroundings.folders.length === 0) return 'Open the folder that your agents are to work on.';
  return surroundings.trusted ? undefined : 'Restricted mode: slots are listed, but nothing is started.';
}
