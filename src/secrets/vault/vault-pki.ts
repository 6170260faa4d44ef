import { StackError } from '../../errors.ts';
import { Secret } from '../../secret.ts';
import { apiPath, placeText, type VaultAddress } from './vault-address.ts';
import { callVault } from './vault-call.ts';
import { refusal, type Asked } from './vault-diagnosis.ts';
import { failed, strange } from './vault-errors.ts';
import { dig, type VaultAnswer, type VaultChannel } from './vault-http.ts';

export interface CertificateRequest {
  readonly commonName: string;
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  /** As Vault writes durations: `720h`. By default what the role says. */
  readonly ttl?: string | undefined;
}

export interface IssuedCertificate {
  readonly certificatePem: string;
  readonly privateKeyPem: Secret;
  /** The issuer, then the authorities above it, each once. */
  readonly caPem: string;
}

/**
 * A certificate with a key that Vault makes. (Vault API, "PKI secrets engine": "Generate certificate and key".)
 *
 * @throws StackError VAULT_DENIED; VAULT_FAILED with Vault's own words where the role allows no such names.
 */
export async function issueCertificate(
  channel: VaultChannel,
  { mount, role }: { readonly mount: string; readonly role: string },
  { commonName, dnsNames, ipAddresses, ttl }: CertificateRequest,
): Promise<IssuedCertificate> {
  const path = placeText({ mount, path: `issue/${role}` });
  const asked: Asked = { asked: `to issue a certificate at ${path}`, path, capability: 'update' };
  const body = {
    common_name: commonName,
    ...(dnsNames.length === 0 ? {} : { alt_names: dnsNames.join(',') }),
    ...(ipAddresses.length === 0 ? {} : { ip_sans: ipAddresses.join(',') }),
    ...(ttl === undefined ? {} : { ttl }),
    private_key_format: 'pkcs8',
  };
  const answer = await callVault(
    channel,
    { method: 'POST', path: apiPath(channel.address, mount, 'issue', role), body },
    // Again would be another certificate, and the first stays in Vault's list.
    { asked: asked.asked, isRepeatable: false },
  );
  if (answer.status === 400) throw refusedByRole(channel.address, mount, role, asked, answer);
  if (answer.status !== 200) throw await refusal(channel, asked, answer);
  const data = dig(answer.body, 'data');
  const certificate = dig(data, 'certificate');
  const privateKey = dig(data, 'private_key');
  const chain = dig(data, 'ca_chain');
  const authorities = [dig(data, 'issuing_ca'), ...(Array.isArray(chain) ? (chain as unknown[]) : [])].filter(isText);
  if (!isText(certificate) || !isText(privateKey) || authorities.length === 0) {
    throw strange(channel.address, asked.asked, 'answered without a certificate, its key or its authority');
  }
  return {
    certificatePem: lines([certificate]),
    privateKeyPem: new Secret(lines([privateKey])),
    caPem: lines(authorities),
  };
}

/** Its details say what the role doesn't allow, or that there is none. */
function refusedByRole(
  address: VaultAddress,
  mount: string,
  role: string,
  { asked }: Asked,
  answer: VaultAnswer,
): StackError {
  const { code, message, details } = failed(address, asked, answer);
  return new StackError(code, { message, hint: `vault read ${placeText({ mount, path: `roles/${role}` })}`, details });
}

function lines(pems: readonly string[]): string {
  return `${[...new Set(pems.map((pem) => pem.trim()))].join('\n')}\n`;
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.trim() !== '';
}
