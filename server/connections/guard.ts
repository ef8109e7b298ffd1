/*
 * Imported before everything else. Protocol messages own standard output: one stray line there and the reader at the other
 * end never finds the next header again. So everything that believes to write to standard output writes to standard error.
 */
// Children of ours must not take themselves for the editor's Node.
delete process.env.ELECTRON_RUN_AS_NODE;

// The other end of standard error may be gone at any time (the editor closes it); that is no reason to die.
process.stderr.on('error', () => {});

// The console as well looks here, when it is used for the first time.
Object.defineProperty(process, 'stdout', { value: process.stderr, configurable: true, enumerable: true });

export {};
