import { commas, addressMap, keyNote, readPassword } from './java.ts';
import { inJava, source } from './source.ts';
import { isMapped, type Library, type Place, type Reach } from './reach.ts';

export const jedis: Library = {
  language: 'Java, Jedis',
  note: (reach) => {
    const java = reach.tls === undefined ? 11 : 16;
    return `Needs redis.clients:jedis 4 or later and Java ${java} or later; save it as Hello.java.${keyNote(reach)}`;
  },
  code: (reach) => source`
${imports(reach).map((name) => `import ${name};`)}

public class Hello {
    public static void main(String[] args) throws Exception {
        ${addressMap(reach, place)}
        String password = ${readPassword(reach)};

        ${sslContext(reach)}
        try (JedisCluster cluster = new JedisCluster(
            Set.of(
                ${commas(reach.nodes.map(place))}),
            DefaultJedisClientConfig.builder()
                .password(password)
                ${isMapped(reach) ? ['.hostAndPortMapper(address -> addresses.getOrDefault(address.toString(), address))'] : []}
                ${reach.tls === undefined ? [] : ['.ssl(true)', '.sslSocketFactory(ssl.getSocketFactory())', '.sslParameters(verified)']}
                .build())) {
            cluster.set("hello:jedis", "world");
            System.out.println(cluster.get("hello:jedis"));
        }
    }
    ${reach.tls === undefined ? [] : [PEM_READER]}
}
`,
};

function place({ host, port }: Place): string {
  return `new HostAndPort(${inJava(host)}, ${port})`;
}

function imports(reach: Reach): string[] {
  const { tls, passwordFile } = reach;
  const always = [
    ...(isMapped(reach) ? ['java.util.Map'] : []),
    'java.util.Set',
    'redis.clients.jedis.DefaultJedisClientConfig',
    'redis.clients.jedis.HostAndPort',
    'redis.clients.jedis.JedisCluster',
  ];
  const files = tls === undefined && passwordFile === undefined ? [] : ['java.nio.file.Files', 'java.nio.file.Path'];
  if (tls === undefined) return [...files, ...always];
  const pem = [
    'java.io.ByteArrayInputStream',
    'java.io.IOException',
    ...files,
    'java.security.KeyStore',
    'java.security.cert.Certificate',
    'java.security.cert.CertificateException',
    'java.security.cert.CertificateFactory',
    'java.util.ArrayList',
    'java.util.Base64',
    'java.util.List',
    'java.util.regex.Pattern',
    'javax.net.ssl.SSLContext',
    'javax.net.ssl.SSLParameters',
    'javax.net.ssl.TrustManagerFactory',
  ];
  const client = [
    'java.security.KeyFactory',
    'java.security.spec.PKCS8EncodedKeySpec',
    'javax.net.ssl.KeyManagerFactory',
  ];
  return [...always, ...pem, ...(tls.client === undefined ? [] : client)].toSorted();
}

/** Jedis itself reads key stores of Java only, and before version 8 it doesn't compare the name in a certificate. */
function sslContext({ tls }: Reach): string[] {
  if (tls === undefined) return [];
  const { ca, client } = tls;
  return [
    source`
KeyStore authorities = KeyStore.getInstance("PKCS12");
authorities.load(null, null);
for (Certificate authority : certificates(${inJava(ca)})) {
    authorities.setCertificateEntry("authority-" + authorities.size(), authority);
}
TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
trust.init(authorities);
${client === undefined ? [] : [ownCertificate(client)]}
SSLContext ssl = SSLContext.getInstance("TLS");
ssl.init(${client === undefined ? 'null' : 'keys.getKeyManagers()'}, trust.getTrustManagers(), null);
SSLParameters verified = new SSLParameters();
verified.setEndpointIdentificationAlgorithm("HTTPS");
`,
  ];
}

function ownCertificate({ certificate, key }: { readonly certificate: string; readonly key: string }): string {
  return source`
List<Certificate> own = certificates(${inJava(certificate)});
KeyStore identity = KeyStore.getInstance("PKCS12");
identity.load(null, null);
identity.setKeyEntry("own",
    KeyFactory.getInstance(own.get(0).getPublicKey().getAlgorithm())
        .generatePrivate(new PKCS8EncodedKeySpec(pem(${inJava(key)}, "PRIVATE KEY").get(0))),
    new char[0], own.toArray(new Certificate[0]));
KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
keys.init(identity, new char[0]);
`.trimEnd();
}

const PEM_READER = String.raw`
static List<Certificate> certificates(String file) throws IOException, CertificateException {
    CertificateFactory factory = CertificateFactory.getInstance("X.509");
    List<Certificate> certificates = new ArrayList<>();
    for (byte[] block : pem(file, "CERTIFICATE")) {
        certificates.add(factory.generateCertificate(new ByteArrayInputStream(block)));
    }
    return certificates;
}

static List<byte[]> pem(String file, String label) throws IOException {
    return Pattern.compile("-----BEGIN " + label + "-----([^-]+)-----END").matcher(Files.readString(Path.of(file)))
        .results().map(block -> Base64.getMimeDecoder().decode(block.group(1))).toList();
}`;
