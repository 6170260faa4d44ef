import java.io.FileInputStream;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.HashSet;
import java.util.Scanner;
import java.util.Set;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.TrustManagerFactory;
import redis.clients.jedis.DefaultJedisClientConfig;
import redis.clients.jedis.HostAndPort;
import redis.clients.jedis.JedisCluster;

public class Jedis {
    public static void main(String[] args) throws Exception {
        Set<HostAndPort> nodes = new HashSet<>();
        for (String node : System.getenv("REDIS_CLUSTER_NODES").split(",")) nodes.add(HostAndPort.from(node));
        var config = DefaultJedisClientConfig.builder().password(System.getenv("REDIS_PASSWORD"));
        if (System.getenv("REDIS_TLS_CA_FILE") != null) {
            SSLParameters verified = new SSLParameters();
            verified.setEndpointIdentificationAlgorithm("HTTPS");
            config.ssl(true).sslSocketFactory(trusting(System.getenv("REDIS_TLS_CA_FILE"))).sslParameters(verified);
        }
        JedisCluster cluster = new JedisCluster(nodes, config.build());
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

    static javax.net.ssl.SSLSocketFactory trusting(String ca) throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        try (var file = new FileInputStream(ca)) {
            store.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(file));
        }
        var trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        return context.getSocketFactory();
    }
}
