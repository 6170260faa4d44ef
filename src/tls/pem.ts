/** PEM as RFC 7468 frames it. A file may hold several blocks, and prose between them, as `openssl x509 -text` writes it. */

/** Every certificate in `text`, in its order, each ending with a line break. What is inside the frame isn't looked at. */
export function certificatesIn(text: string): readonly string[] {
  return [...text.matchAll(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g)].map(
    ([block]) => `${block}\n`,
  );
}

/** The first private key in `text`, of whatever kind, encrypted or not; undefined where there is none. */
export function privateKeyIn(text: string): string | undefined {
  // The headers of a key that is encrypted in the old way have dashes in them, so the end is looked for as a whole.
  const block = /-----BEGIN ((?:[A-Z]+ )?PRIVATE KEY)-----[\s\S]*?-----END \1-----/.exec(text)?.[0];
  return block === undefined ? undefined : `${block}\n`;
}
