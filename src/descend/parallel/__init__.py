"""Training on several processors: parameter servers, elastic averaging, and replicas that step as they come."""

from descend.parallel.adaptive_revision import AdaptiveRevisionServer, adaptive_revision
from descend.parallel.elastic import Centre
from descend.parallel.hogwild import hogwild
from descend.parallel.replica import DownpourReplica, ElasticReplica, Traffic
from descend.parallel.server import DownpourServer, Fetched, Server
from descend.parallel.simulated import Turn, take_turns

__all__ = [
    "AdaptiveRevisionServer",
    "Centre",
    "DownpourReplica",
    "DownpourServer",
    "ElasticReplica",
    "Fetched",
    "Server",
    "Traffic",
    "Turn",
    "adaptive_revision",
    "hogwild",
    "take_turns",
]
