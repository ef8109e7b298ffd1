/** The failures of a TAP report, each with its error and its place. */
export function failures(text: string): string[];

/** The first of them, indented, with a word on how many more there are. */
export function failuresAtEnd(told: string[]): string;
