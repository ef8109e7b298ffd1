/** How fstab(5), mountinfo and LXC's mount entries write blanks. */
export function encodeForMountTable(path: string): string {
  return path.replace(/[ \t\\]/g, c => `\\${c.charCodeAt(0).toString(8).padStart(3, '0')}`);
}

/** The reverse, for what the kernel says. */
export function decodeMountTable(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

/** The name that Incus gives to the mount of a disk device below its directory of devices, until the container has it. */
export function stagedName(device: string, path: string): string {
  return `disk.${encodeForIncus(device)}.${encodeForIncus(path.slice(1))}`;
}

/** How Incus writes a path as one name. */
function encodeForIncus(path: string): string {
  return path.replaceAll('-', '--').replaceAll('/', '-');
}

/** A path as a pattern of gitignore(5) that means exactly it. */
export function gitPattern(path: string): string {
  return `/${path.replace(/[\\*?[\]!# ]/g, '\\$&')}`;
}
