/** The failures of a TAP report, each with its error and its place. */
export function failures(text: string): string[];

/** Those of the second that are in the first as well, by their titles. */
export function failedTwice(first: string[], second: string[]): string[];

/** The first of them, indented, with a word on how many more there are. */
export function failuresAtEnd(told: string[]): string;
