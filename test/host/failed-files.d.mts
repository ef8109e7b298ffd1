/** The files of a run in which something failed, by the places that its TAP report names; none where a failure is nobody's. */
export function failedFiles(report: string, files: string[], textOf?: (file: string) => string): string[];
