import io.lettuce.core.RedisURI;
import io.lettuce.core.SslOptions;
import io.lettuce.core.cluster.ClusterClientOptions;
import io.lettuce.core.cluster.ClusterTopologyRefreshOptions;
import io.lettuce.core.cluster.RedisClusterClient;
import java.io.File;
import java.util.ArrayList;
import java.util.List;
import java.util.Scanner;

public class Lettuce {
    public static void main(String[] args) throws Exception {
        String ca = System.getenv("REDIS_TLS_CA_FILE");
        List<RedisURI> nodes = new ArrayList<>();
        for (String node : System.getenv("REDIS_CLUSTER_NODES").split(",")) {
            String[] words = node.split(":");
            nodes.add(RedisURI.builder().withHost(words[0]).withPort(Integer.parseInt(words[1])).withSsl(ca != null)
                .withPassword(System.getenv("REDIS_PASSWORD").toCharArray()).build());
        }
        RedisClusterClient client = RedisClusterClient.create(nodes);
        var options = ClusterClientOptions.builder()
            .topologyRefreshOptions(ClusterTopologyRefreshOptions.builder().enableAllAdaptiveRefreshTriggers().build());
        if (ca != null) options.sslOptions(SslOptions.builder().trustManager(new File(ca)).build());
        client.setOptions(options.build());
        var cluster = client.connect().sync();
        for (Scanner lines = new Scanner(System.in); lines.hasNextLine();) {
            String[] words = lines.nextLine().split(" ");
            try {
                System.out.println(words[0].equals("SET") ? cluster.set(words[1], words[2]) : cluster.get(words[1]));
            } catch (Exception error) {
                System.out.println("ERR " + error.toString().replace('\n', ' '));
            }
        }
        System.exit(0);
    }
}
