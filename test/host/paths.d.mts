/** The clone. */
export const root: string;
/** What is fetched or built once per machine. */
export const cache: string;
/** The packaged extension. */
export function vsixPath(): string;
/** Releases of code-server: the newest, and the one with the oldest VS Code that the manifest allows. */
export const vsCodeVersions: { readonly newest: string; readonly oldest: string };
/** Folder of an installed code-server. */
export function codeServerFolder(which: 'newest' | 'oldest'): string;
