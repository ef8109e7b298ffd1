import { allowHost } from './allowHost.ts';
import { attach, openRootShell, openShell } from './attach.ts';
import { buildImage } from './buildImage.ts';
import { cleanUp } from './cleanUp.ts';
import { close, closeAll } from './close.ts';
import type { Command } from './command.ts';
import { configureLimits } from './configureLimits.ts';
import { configureNetwork } from './configureNetwork.ts';
import { copyAttachCommand, copyFixCommand, copyName } from './copy.ts';
import { deleteImage } from './deleteImage.ts';
import { deleteSession } from './deleteSession.ts';
import { deleteAll, deleteSlot } from './deleteSlot.ts';
import { goToNextWaiting } from './goToNextWaiting.ts';
import { healthCheck } from './healthCheck.ts';
import { kill, killAll } from './kill.ts';
import { manageTrust } from './manageTrust.ts';
import { openFolder } from './openFolder.ts';
import { openSettings } from './openSettings.ts';
import { openSlot } from './openSlot.ts';
import { openSlotWith } from './openSlotWith.ts';
import { openWalkthrough } from './openWalkthrough.ts';
import { pause, pauseAll } from './pause.ts';
import { persist, persistAll } from './persist.ts';
import { renameSession } from './renameSession.ts';
import { restartBackend } from './restartBackend.ts';
import { resume, resumeLatest } from './resume.ts';
import { resumeAll } from './resumeAll.ts';
import { sendPrompt, sendSelection } from './send.ts';
import { showConfig } from './showConfig.ts';
import { showLog } from './showLog.ts';
import { showMenu } from './showMenu.ts';
import { showReach } from './showReach.ts';
import { showScreen } from './showScreen.ts';
import { showTranscript } from './showTranscript.ts';
import { start, startAll } from './start.ts';
import { startAgent } from './startAgent.ts';
import { stop, stopAll } from './stop.ts';
import { storeSecret } from './storeSecret.ts';
import { trustConfig } from './trustConfig.ts';
import { unpause, unpauseAll } from './unpause.ts';

/** Every command of the extension. */
export const ALL_COMMANDS: readonly Command[] = [
  openSlot,
  openSlotWith,
  resume,
  resumeLatest,
  resumeAll,
  openFolder,
  attach,
  openShell,
  openRootShell,
  start,
  startAll,
  startAgent,
  stop,
  stopAll,
  close,
  closeAll,
  deleteSlot,
  deleteAll,
  kill,
  killAll,
  pause,
  pauseAll,
  unpause,
  unpauseAll,
  persist,
  persistAll,
  cleanUp,
  buildImage,
  deleteImage,
  showConfig,
  trustConfig,
  healthCheck,
  sendPrompt,
  sendSelection,
  showScreen,
  goToNextWaiting,
  showTranscript,
  renameSession,
  deleteSession,
  showReach,
  allowHost,
  configureLimits,
  configureNetwork,
  restartBackend,
  showLog,
  manageTrust,
  openSettings,
  openWalkthrough,
  copyName,
  copyAttachCommand,
  copyFixCommand,
  storeSecret,
  showMenu,
];
