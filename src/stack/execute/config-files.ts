import { REDIS_GID, REDIS_UID } from '../../plan/model/definitions.ts';
import {
  AUTHORITY_FILE,
  AUTHORITY_KEEPER_FILE,
  CERTIFICATE_FILE,
  CONFIG_FOLDER,
  REDIS_CONF_FILE,
  USER_CONF_FILE,
  PASSWORD_FILE,
  passwordHash,
  redisConf,
  SECRET_FILE,
  secretConf,
  stampOf,
  TLS_FOLDER,
  USERS_FILE,
  usersAcl,
} from '../../plan/node/redis-config.ts';
import type { ContainerFile } from '../../plan/model/resources.ts';
import type { Secret } from '../../secret.ts';
import type { NodeSpec, Spec } from '../../spec/spec.ts';
import type { NodeCertificate } from '../connect/issuer.ts';

const OWNER = { uid: REDIS_UID, gid: REDIS_GID };

interface NodeContents extends Pick<NodePasswords, 'users'> {
  readonly userConf: string;
  readonly password: Secret;
  readonly certificate: NodeCertificate | undefined;
}

/** All that a node starts with. The folder belongs to Redis's user, so that CONFIG REWRITE works, and to nobody else. */
export function configFiles(spec: Spec, node: NodeSpec, contents: NodeContents): ContainerFile[] {
  const { userConf, password, certificate, users } = contents;
  return [
    { path: `${CONFIG_FOLDER}/`, content: '', mode: 0o700, ...OWNER },
    ...settingFiles(spec, node, userConf),
    ...passwordFiles({ accepts: [passwordHash(password.reveal())], sends: password, own: password, users }),
    ...(certificate === undefined ? [] : certificateFiles(certificate)),
    // Some images leave their data folder to root, for an entrypoint that runs as root.
    { path: '/data/', content: '', mode: 0o755, ...OWNER },
  ];
}

export function settingFiles(spec: Spec, node: NodeSpec, userConf: string): ContainerFile[] {
  const settingFile = (path: string, content: string): ContainerFile => ({
    ...configFile(path, content),
    changedAtMs: stampOf(content),
  });
  return [settingFile(REDIS_CONF_FILE, redisConf(spec, node)), settingFile(USER_CONF_FILE, userConf)];
}

interface NodePasswords {
  /** SHA-256 of each password with which a client may log in. */
  readonly accepts: readonly string[];
  /** The lines of users that a person made. */
  readonly users: readonly string[];
  /** With which it logs in at its primary. */
  readonly sends: Secret;
  /** The one that it is said to have; undefined leaves that as it is. */
  readonly own: Secret | undefined;
}

/** @param usersFile where the server that they are for reads its users */
export function passwordFiles(
  { accepts, users, sends, own }: NodePasswords,
  usersFile: string = USERS_FILE,
): ContainerFile[] {
  return [
    configFile(usersFile, usersAcl(accepts, users)),
    configFile(SECRET_FILE, secretConf(sends.reveal())),
    ...(own === undefined ? [] : [configFile(PASSWORD_FILE, own.reveal())]),
  ];
}

export function certificateFiles({ caPem, pem, keeper = '' }: NodeCertificate): ContainerFile[] {
  return [
    { path: `${TLS_FOLDER}/`, content: '', mode: 0o700, ...OWNER },
    configFile(AUTHORITY_FILE, caPem),
    configFile(AUTHORITY_KEEPER_FILE, keeper),
    configFile(CERTIFICATE_FILE, pem.reveal()),
  ];
}

export function nodeTableFile(path: string, content: string): ContainerFile {
  return { path, content, mode: 0o644, ...OWNER };
}

/** A file that only Redis may read. */
export function configFile(path: string, content: string): ContainerFile {
  return { path, content, mode: 0o600, ...OWNER };
}
