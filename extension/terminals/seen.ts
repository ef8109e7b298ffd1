/** A tab of the editors, as far as terminals are concerned. */
export interface EditorTab {
  readonly label: string;
  readonly terminal: boolean;
  /** In front in the group that is in front. */
  readonly active: boolean;
}

/**
 * Whether the user is in the terminal that had the focus last, by its name. One among the editors has a tab; of the panel the editor does
 * not say whether it is there at all, so it counts until something is done in an editor (`left`).
 */
export function isSeen(name: string, tabs: readonly EditorTab[], left: boolean): boolean {
  const own = tabs.filter(tab => tab.terminal && tab.label === name);
  return own.length > 0 ? own.some(tab => tab.active) : !left;
}
