"""redis-cluster run -- python3 -m unittest"""
import json
import os
import unittest

from redis.cluster import ClusterNode, RedisCluster


def connect():
    nodes = [address.split(":") for address in os.environ["REDIS_CLUSTER_NODES"].split(",")]
    reached = json.loads(os.environ["REDIS_NAT_MAP"])
    with open(os.environ["REDIS_PASSWORD_FILE"]) as file:
        password = file.read().rstrip("\n")

    def remap(announced):
        at = reached["%s:%s" % announced]
        return at["host"], at["port"]

    return RedisCluster(
        startup_nodes=[ClusterNode(host, int(port)) for host, port in nodes],
        password=password,
        address_remap=remap,
    )


class Cart(unittest.TestCase):
    def test_keeps_what_is_put_into_it(self):
        redis = connect()
        redis.flushall(target_nodes=RedisCluster.PRIMARIES)
        redis.hincrby("cart:1", "apples", 2)
        self.assertEqual(redis.hget("cart:1", "apples"), b"2")


if __name__ == "__main__":
    unittest.main()
