/** What is asked of each client, and in a few words what came of it. */
import { join } from 'node:path';
import type { SnippetConnection } from '../../src/api/snippets/reach.ts';
import { openPrivateAuthority } from '../../src/tls/private-ca.ts';
import type { TrustFiles } from '../../src/stack/connect/trust.ts';
import { runSnippet, startWriter, type Place } from './program.ts';

export const WORKS = 'works';
export const GOES_ON = 'goes on';
/** Writes in a row, before what happens meanwhile and after it. */
const SOME = 300;

/** Writes a key, and prints what it reads. */
export async function readsAndWrites(place: Place, connection: SnippetConnection): Promise<string> {
  const { answered, said } = await runSnippet(place, connection);
  return answered ? WORKS : `fails: ${said ?? ''}`;
}

/** Over TLS, and neither where another authority has signed nor where the certificate has another name. */
export async function verifies(place: Place, connection: SnippetConnection, folder: string): Promise<string> {
  const encrypted = overTls(connection);
  const stranger = join(folder, 'stranger');
  await openPrivateAuthority(stranger, { stack: 'stranger', nowMs: Date.now() });
  return firstTrouble(
    () => readsAndWrites(place, encrypted),
    () => isRefused(place, withFiles(encrypted, { ca: join(stranger, 'ca.crt') }), 'another authority'),
    () => readsAndWrites(place, elsewhere(connection)),
    () => isRefused(place, elsewhere(encrypted), 'another name'),
  );
}

/** Where the nodes ask for one. */
export async function showsCertificate(place: Place, connection: SnippetConnection): Promise<string> {
  const encrypted = overTls(connection);
  return firstTrouble(
    () => readsAndWrites(place, encrypted),
    () => isRefused(place, withFiles(encrypted, { client: undefined }), 'no certificate'),
  );
}

/** Writers at both ports go on: which writes failed, and which were lost. */
export async function goesOnDuring(
  place: Place,
  connection: SnippetConnection,
  change: () => Promise<unknown>,
  findLost: (written: ReadonlyMap<string, string>) => Promise<number>,
): Promise<string> {
  const writers = await Promise.all([
    startWriter(place, connection, 'plain'),
    startWriter(place, overTls(connection), 'tls'),
  ]);
  const goOn = (): Promise<unknown> => Promise.all(writers.map((writer) => writer.goOn(SOME)));
  let trouble: string | undefined;
  try {
    await goOn();
    await change();
    await goOn();
  } catch (error) {
    trouble = (error as Error).message;
  } finally {
    await Promise.all(writers.map((writer) => writer.stop()));
  }
  const written = new Map(writers.flatMap((writer) => [...writer.written]));
  const errors = writers.flatMap((writer) => writer.errors);
  const lost = await findLost(written);
  if (lost > 0) return `${lost} of ${written.size} writes lost`;
  if (trouble !== undefined) return shortened(trouble);
  if (errors.length === 0) return WORKS;
  return `${GOES_ON}; ${errors.length} of ${written.size + errors.length} writes fail: ${shortened(errors[0] ?? '')}`;
}

export function shortened(text: string): string {
  return text.length > 120 ? `${text.slice(0, 119)}…` : text;
}

function overTls(connection: SnippetConnection): SnippetConnection {
  return { ...connection, plain: undefined };
}

/** In the network that the clients run in, all of 127.0.0.0/8 leads to the nodes; their certificates name 127.0.0.1. */
function elsewhere(connection: SnippetConnection): SnippetConnection {
  return JSON.parse(JSON.stringify(connection).replaceAll('127.0.0.1', '127.0.0.2')) as SnippetConnection;
}

function withFiles(connection: SnippetConnection, files: Partial<TrustFiles>): SnippetConnection {
  const { tls } = connection;
  if (tls === undefined) throw new Error('the stack has no TLS');
  return { ...connection, tls: { ...tls, files: { ...tls.files, ...files } } };
}

async function isRefused(place: Place, connection: SnippetConnection, what: string): Promise<string> {
  const { answered, said } = await runSnippet(place, connection, { untilError: true });
  console.error(`  ${what}: ${answered ? 'accepted' : said}`);
  if (answered) return `accepts ${what}`;
  return said === undefined ? `doesn't say why it refuses ${what}` : WORKS;
}

async function firstTrouble(...stories: readonly (() => Promise<string>)[]): Promise<string> {
  for (const story of stories) {
    const result = await story();
    if (result !== WORKS) return result;
  }
  return WORKS;
}
