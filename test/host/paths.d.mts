/** The clone. */
export const root: string;
/** What is fetched or built once per machine. */
export const cache: string;
/** The packaged extension. */
export function vsixPath(): string;
/** Folder of an installed code-server. */
export function codeServerFolder(which: 'newest' | 'oldest'): string;
/** How a code-server is run: its Node and its script. */
export function codeServerCommand(which: 'newest' | 'oldest'): [string, string];
