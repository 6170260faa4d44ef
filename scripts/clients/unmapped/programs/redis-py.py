import os
import sys

from redis.cluster import ClusterNode, RedisCluster

ca = os.environ.get("REDIS_TLS_CA_FILE")
nodes = (node.split(":") for node in os.environ["REDIS_CLUSTER_NODES"].split(","))
cluster = RedisCluster(
    startup_nodes=[ClusterNode(host, int(port)) for host, port in nodes],
    password=os.environ["REDIS_PASSWORD"],
    decode_responses=True,
    **({"ssl": True, "ssl_ca_certs": ca, "ssl_cert_reqs": "required"} if ca else {}),
)
for line in sys.stdin:
    try:
        answer = cluster.execute_command(*line.split())
        print("OK" if answer is True else answer, flush=True)
    except Exception as error:
        print(f"ERR {type(error).__name__}: {error}".replace("\n", " "), flush=True)
