"""The five endpoints of the reference document, as one writes them with FastAPI and redis-py.

Every request asks Redis, over connections that stay open. What the environment must have is what `manage.ts env --map` prints.
"""

import json
import os
from pathlib import Path
from typing import Dict, List, Literal, Optional

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel
from redis.asyncio import Redis
from redis.crc import key_slot
from redis.exceptions import RedisError

SLOT_COUNT = 16384

# A node's address as it is announced, and how this host reaches it.
nat_map = json.loads(os.environ["REDIS_NAT_MAP"])
password = Path(os.environ["REDIS_PASSWORD_FILE"]).read_text().strip()
# Each keeps a pool of connections.
redis_by_host = {
    (place["host"], place["port"]): Redis(
        host=place["host"], port=place["port"], password=password, decode_responses=True
    )
    for place in nat_map.values()
}

app = FastAPI(title="Redis Cluster inspection")


class ClusterInfo(BaseModel):
    cluster_state: Literal["ok", "fail"]
    cluster_slots_assigned: int
    cluster_slots_ok: int
    cluster_known_nodes: int
    cluster_size: int


class ClusterNode(BaseModel):
    id: str
    ip: str
    port: int
    role: Literal["master", "slave"]
    slots: str
    slot_count: int


class ClusterNodes(BaseModel):
    nodes: List[ClusterNode]


class Keyspace(BaseModel):
    keys: int
    expires: int


class NodeInfo(BaseModel):
    node: str
    role: Literal["master", "slave"]
    connected_slaves: int
    used_memory: str
    used_memory_human: str
    total_commands_processed: int
    keyspace: Dict[str, Keyspace]


class SlotRange(BaseModel):
    node: str
    start_slot: int
    end_slot: int
    slot_count: int


class SlotDistribution(BaseModel):
    total_slots: int
    assigned_slots: int
    distribution: List[SlotRange]


class KeySlot(BaseModel):
    key: str
    slot: int
    node: Optional[str]


@app.get("/redis-cluster/info", response_model=ClusterInfo)
async def cluster_info():
    return await ask_cluster("CLUSTER INFO")


@app.get("/redis-cluster/nodes", response_model=ClusterNodes)
async def cluster_nodes():
    rows = await ask_cluster("CLUSTER NODES")
    return {"nodes": [describe_node(address, row) for address, row in rows.items()]}


@app.get("/redis-cluster/node/{node}", response_model=NodeInfo)
async def node_info(node: str):
    place = nat_map.get(node)
    if place is None:
        raise HTTPException(404, f"there is no node {node}")
    try:
        info = await redis_by_host[place["host"], place["port"]].info()
    except RedisError as error:
        raise HTTPException(503, f"{node} does not answer") from error
    return {
        "node": node,
        "role": info["role"],
        "connected_slaves": info["connected_slaves"],
        "used_memory": str(info["used_memory"]),
        "used_memory_human": info["used_memory_human"],
        "total_commands_processed": info["total_commands_processed"],
        "keyspace": {name: value for name, value in info.items() if name.startswith("db") and isinstance(value, dict)},
    }


@app.get("/redis-cluster/slots", response_model=SlotDistribution)
async def slot_distribution():
    ranges = await slot_ranges()
    return {
        "total_slots": SLOT_COUNT,
        "assigned_slots": sum(one["slot_count"] for one in ranges),
        "distribution": ranges,
    }


@app.get("/redis-cluster/key-slot", response_model=KeySlot)
async def find_key_slot(key: str):
    slot = key_slot(key.encode())
    owners = (one["node"] for one in await slot_ranges() if one["start_slot"] <= slot <= one["end_slot"])
    return {"key": key, "slot": slot, "node": next(owners, None)}


@app.on_event("shutdown")
async def close_connections():
    for redis in redis_by_host.values():
        await redis.close()


async def ask_cluster(command: str):
    """The reply of the first node that answers."""
    for redis in redis_by_host.values():
        try:
            return await redis.execute_command(command)
        except RedisError:
            continue
    raise HTTPException(503, "no node answers")


async def slot_ranges():
    ranges = await ask_cluster("CLUSTER SLOTS")
    return [
        {"node": f"{primary[0]}:{primary[1]}", "start_slot": start, "end_slot": end, "slot_count": end - start + 1}
        for start, end, primary, *_replicas in sorted(ranges)
    ]


def describe_node(address, row):
    ip, port = address.rsplit(":", 1)
    ranges = [(int(one[0]), int(one[-1])) for one in row["slots"]]
    return {
        "id": row["node_id"],
        "ip": ip,
        "port": int(port),
        "role": "master" if "master" in row["flags"] else "slave",
        "slots": " ".join("-".join(one) for one in row["slots"]),
        "slot_count": sum(end - start + 1 for start, end in ranges),
    }
