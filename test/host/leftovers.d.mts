/** What is there, by kind. */
export type Inventory = Map<string, Set<string>>;
/** Looks at everything that tests make, with `folder` as their temporary folder; or only at what is theirs in any case. */
export function look(folder: string, everything?: boolean): Inventory;
/** What is there now, was not there before, and stays for `wait` milliseconds: in a few words each. */
export function leftSince(before: Inventory, folder: string, wait?: number): Promise<string[]>;
/** Only what is the tests' own in any case. */
export function ofTests(inventory: Inventory): Inventory;
/** Whether tests run on this machine that keep nothing in this folder. */
export function otherTests(folder: string): boolean;
/** What one inventory has and another had not. */
export function added(before: Inventory, after: Inventory): string[];
