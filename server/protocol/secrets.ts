/** What a secret of the editor's storage may be called, in the configuration and where it is stored. */
export const SECRET_NAME = /^[A-Za-z0-9_.-]{1,100}$/;
