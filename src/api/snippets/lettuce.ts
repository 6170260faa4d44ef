import { commas, addressMap, keyNote, readPassword } from './java.ts';
import { inJava, source } from './source.ts';
import { isMapped, type Library, type Place, type Reach } from './reach.ts';

export const lettuce: Library = {
  language: 'Java, Lettuce',
  note: (reach) =>
    `Needs io.lettuce:lettuce-core 6.1 or later and Java 11 or later; save it as Hello.java.${keyNote(reach)}`,
  code: (reach) => source`
import io.lettuce.core.RedisURI;
${reach.tls === undefined ? [] : ['import io.lettuce.core.SslOptions;']}
import io.lettuce.core.cluster.ClusterClientOptions;
import io.lettuce.core.cluster.ClusterTopologyRefreshOptions;
import io.lettuce.core.cluster.RedisClusterClient;
${isMapped(reach) ? MAP_IMPORTS : []}
${reach.tls === undefined ? [] : ['import java.io.File;']}
${reach.passwordFile === undefined ? [] : ['import java.nio.file.Files;', 'import java.nio.file.Path;']}
import java.util.List;
${isMapped(reach) ? ['import java.util.Map;'] : []}

public class Hello {
    public static void main(String[] args) throws Exception {
        ${addressMap(reach, place)}
        String password = ${readPassword(reach)};

        ${isMapped(reach) ? [RESOURCES] : []}
        RedisClusterClient client = RedisClusterClient.create(${isMapped(reach) ? 'resources, ' : ''}List.of(
            ${commas(reach.nodes.map((node) => `node(${inJava(node.host)}, ${node.port}, password)`))}));
        client.setOptions(ClusterClientOptions.builder()
            ${sslOptions(reach)}
            .topologyRefreshOptions(ClusterTopologyRefreshOptions.builder().enableAllAdaptiveRefreshTriggers().build())
            .build());

        try (var connection = client.connect()) {
            connection.sync().set("hello:lettuce", "world");
            System.out.println(connection.sync().get("hello:lettuce"));
        }
        client.shutdown();
        ${isMapped(reach) ? ['resources.shutdown().get();'] : []}
    }

    static RedisURI node(String host, int port, String password) {
        return RedisURI.builder().withHost(host).withPort(port)${reach.tls === undefined ? '' : '.withSsl(true)'}
            .withPassword(password.toCharArray()).build();
    }
}
`,
};

const MAP_IMPORTS = ['internal.HostAndPort', 'resource.ClientResources', 'resource.MappingSocketAddressResolver'].map(
  (name) => `import io.lettuce.core.${name};`,
);

const RESOURCES = `ClientResources resources = ClientResources.builder()
    .socketAddressResolver(MappingSocketAddressResolver.create(
        (HostAndPort address) -> addresses.getOrDefault(address.toString(), address)))
    .build();`;

function place({ host, port }: Place): string {
  return `HostAndPort.of(${inJava(host)}, ${port})`;
}

function sslOptions({ tls }: Reach): string[] {
  if (tls === undefined) return [];
  const { ca, client } = tls;
  return [
    '.sslOptions(SslOptions.builder()',
    `    .trustManager(new File(${inJava(ca)}))`,
    ...(client === undefined
      ? []
      : [`    .keyManager(new File(${inJava(client.certificate)}), new File(${inJava(client.key)}), null)`]),
    '    .build())',
  ];
}
