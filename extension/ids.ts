/** Ids that the manifest and the code share. A test holds the two together. */

export const EXTENSION_NAME = 'Incus Agents';
export const VIEW_ID = 'incusAgents.slots';
export const TERMINAL_PROFILE_ID = 'incusAgents.terminal';
export const WALKTHROUGH_ID = 'incusAgents.start';
export const SETTINGS_PREFIX = 'incusAgents';
/** Where a workspace remembers that it had a slot, so that the backend is started with the window. */
export const HAD_SLOT_KEY = 'incusAgents.hadSlot';
/** Where a workspace remembers what was chosen last for a new slot. */
export const LAST_CHOICES_KEY = 'incusAgents.lastChoices';
/** Scheme of the rows' private resources, which decorations hang on. */
export const ROW_SCHEME = 'incus-agents-row';
/** Scheme of read-only documents: configuration, transcripts, screens, reports. */
export const DOCUMENT_SCHEME = 'incus-agents';

/** What a click on a row runs; it is none of the manifest's, since it means nothing elsewhere. */
export const OPEN_ROW_COMMAND = 'incusAgents.openRow';

/** Every command of the manifest. */
export const COMMAND_IDS = [
  'incusAgents.openSlot',
  'incusAgents.openSlotWith',
  'incusAgents.resume',
  'incusAgents.resumeLatest',
  'incusAgents.resumeAll',
  'incusAgents.openFolder',
  'incusAgents.attach',
  'incusAgents.openShell',
  'incusAgents.openRootShell',
  'incusAgents.start',
  'incusAgents.startAll',
  'incusAgents.startAgent',
  'incusAgents.stop',
  'incusAgents.stopAll',
  'incusAgents.close',
  'incusAgents.closeAll',
  'incusAgents.delete',
  'incusAgents.deleteAll',
  'incusAgents.kill',
  'incusAgents.killAll',
  'incusAgents.pause',
  'incusAgents.pauseAll',
  'incusAgents.unpause',
  'incusAgents.unpauseAll',
  'incusAgents.persist',
  'incusAgents.persistAll',
  'incusAgents.cleanUp',
  'incusAgents.buildImage',
  'incusAgents.deleteImage',
  'incusAgents.showConfig',
  'incusAgents.trustConfig',
  'incusAgents.healthCheck',
  'incusAgents.sendPrompt',
  'incusAgents.sendSelection',
  'incusAgents.showScreen',
  'incusAgents.goToNextWaiting',
  'incusAgents.showTranscript',
  'incusAgents.renameSession',
  'incusAgents.deleteSession',
  'incusAgents.showReach',
  'incusAgents.allowHost',
  'incusAgents.configureLimits',
  'incusAgents.configureNetwork',
  'incusAgents.restartBackend',
  'incusAgents.showLog',
  'incusAgents.manageTrust',
  'incusAgents.openSettings',
  'incusAgents.openWalkthrough',
  'incusAgents.copyName',
  'incusAgents.copyAttachCommand',
  'incusAgents.copyFixCommand',
  'incusAgents.storeSecret',
  'incusAgents.showMenu',
] as const;

export type CommandId = (typeof COMMAND_IDS)[number];
