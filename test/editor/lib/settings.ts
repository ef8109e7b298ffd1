/** User settings that keep the workbench quiet, offline and readable by tests. */
export const quietSettings: Readonly<Record<string, unknown>> = {
  'telemetry.telemetryLevel': 'off',
  'update.mode': 'none',
  'extensions.autoUpdate': false,
  'extensions.autoCheckUpdates': false,
  'extensions.ignoreRecommendations': true,
  'workbench.enableExperiments': false,
  'workbench.startupEditor': 'none',
  // A banner instead of a dialog, as newer versions do by themselves.
  'security.workspace.trust.startupPrompt': 'never',
  'workbench.tips.enabled': false,
  // Settings and the like as plain tabs: a modal one lies over the page and catches the clicks.
  'workbench.editor.useModal': 'off',
  'workbench.reduceMotion': 'on',
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.settings.enableNaturalLanguageSearch': false,
  'workbench.welcomePage.walkthroughs.openOnInstall': false,
  'chat.disableAIFeatures': true,
  'chat.commandCenter.enabled': false,
  'npm.fetchOnlinePackageInfo': false,
  'json.schemaDownload.enable': false,
  'typescript.disableAutomaticTypeAcquisition': true,
  // The DOM renderer: what a terminal shows is text in the page.
  'terminal.integrated.gpuAcceleration': 'off',
  'terminal.integrated.shellIntegration.enabled': false,
  'terminal.integrated.enablePersistentSessions': false,
  // Otherwise a reload may bring a terminal of its own.
  'terminal.integrated.hideOnStartup': 'whenEmpty',
};
