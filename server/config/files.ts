import { dirname, isAbsolute, join, normalize } from 'node:path';
import { messageOf } from '../base/errors.ts';
import type { ConfigProblem } from '../protocol/types.ts';
import { parseDocument, type TomlDocument } from './document.ts';
import { readBeneath, readOwn } from './read.ts';
import type { ConfigSources } from './types.ts';

/** Where a configuration file lies, and what is to say about the place. */
export interface FilePlace {
  path: string;
  project: boolean;
  /** Said when the file is there: the place is one of earlier coi versions. */
  deprecated?: string;
  /** The file was named, so it has to be there. */
  wanted?: boolean;
  read(): Promise<Buffer | undefined>;
}

const OLD = 'Current coi versions do not read this place';

/** The configuration files, lowest first. */
export function configFiles(sources: ConfigSources): FilePlace[] {
  const { home, workspace, systemDir = '/etc/coi', configFile } = sources;
  const user = join(home, '.coi', 'config.toml');
  const own = (path: string, more: Partial<FilePlace> = {}): FilePlace => ({
    path,
    project: false,
    read: () => readOwn(path),
    ...more,
  });
  const projects = (parts: string[], more: Partial<FilePlace> = {}): FilePlace => ({
    path: join(workspace, ...parts),
    project: true,
    read: () => readBeneath(workspace, parts),
    ...more,
  });
  /** The backend is in no directory that a relative path could mean. */
  const named = (path: string): FilePlace =>
    isAbsolute(path)
      ? own(normalize(path), { wanted: true })
      : own(path, { read: () => Promise.reject(new Error('COI_CONFIG must name a file by its absolute path.')) });
  const files = [
    own(join(systemDir, 'config.toml'), { deprecated: `${OLD}; move it to ${user}.` }),
    own(join(home, '.config', 'coi', 'config.toml'), { deprecated: `${OLD}; move it to ${user}.` }),
    own(user),
    projects(['.coi.toml'], {
      deprecated: 'Current coi versions refuse to start with this file; move it to .coi/config.toml.',
    }),
    projects(['.coi', 'config.toml']),
    ...(configFile === undefined ? [] : [named(configFile)]),
  ];
  // The last of the same path counts: a project folder that is the home has nothing of its own, and stays the user's.
  return files.filter(
    file => !files.some(other => other !== file && other.path === file.path && winsOver(other, file)),
  );
}

/** Folders with profiles, by where their configuration lies. */
export function profileFolders(sources: ConfigSources): { directory: string; project: boolean }[] {
  const { home, workspace, configFile } = sources;
  const named = configFile !== undefined && isAbsolute(configFile) ? [dirname(normalize(configFile))] : [];
  const own = [join(home, '.coi'), ...named];
  const project = join(workspace, '.coi');
  return [
    ...[...new Set(own)].map(directory => ({ directory, project: false })),
    ...(own.includes(project) ? [] : [{ directory: project, project: true }]),
  ];
}

/** Reads and parses a file; undefined when there is none. Nothing that is wrong with it is thrown. */
export async function readDocument(
  file: Pick<FilePlace, 'path' | 'read' | 'deprecated' | 'wanted'>,
): Promise<{ document?: TomlDocument; problems: ConfigProblem[] }> {
  const about = (severity: ConfigProblem['severity'], message: string): ConfigProblem => ({
    path: file.path,
    line: 1,
    column: 1,
    severity,
    message,
  });
  let bytes: Buffer | undefined;
  try {
    bytes = await file.read();
  } catch (error) {
    return { problems: [about('error', messageOf(error))] };
  }
  if (bytes === undefined)
    return { problems: file.wanted ? [about('warning', 'There is no such file, though COI_CONFIG names it.')] : [] };
  const { document, problem } = parseDocument(file.path, bytes);
  return {
    document,
    problems: [
      ...(file.deprecated === undefined ? [] : [about('warning', file.deprecated)]),
      ...(problem === undefined ? [] : [problem]),
    ],
  };
}

function winsOver(other: FilePlace, file: FilePlace): boolean {
  if (other.project !== file.project) return !other.project;
  return other.wanted === true;
}
