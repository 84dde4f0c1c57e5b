"""Distributed training: data, tensor and pipeline parallelism, parameter servers, and asynchronous replicas."""

from descend.core.turns import Turn, in_step, take_turns
from descend.parallel.adaptive_revision import AdaptiveRevisionServer, adaptive_revision
from descend.parallel.backup import BackupReplica, BackupServer
from descend.parallel.checkpoint import load, save
from descend.parallel.elastic import Centre
from descend.parallel.first_comers import step_of_the_first
from descend.parallel.hogwild import hogwild
from descend.parallel.layers import split_layers, whole
from descend.parallel.layout import Layout, Spread
from descend.parallel.partition import GraphPartition
from descend.parallel.pipelined import Pipelined
from descend.parallel.remote import RemoteServer
from descend.parallel.replica import DownpourReplica, ElasticReplica, Traffic
from descend.parallel.server import DownpourServer, Fetched, Server
from descend.parallel.shared_memory import step_as_they_come
from descend.parallel.speeds import share_by_speed
from descend.parallel.workers import on_ray

__all__ = [
    "AdaptiveRevisionServer",
    "BackupReplica",
    "BackupServer",
    "Centre",
    "DownpourReplica",
    "DownpourServer",
    "ElasticReplica",
    "Fetched",
    "GraphPartition",
    "Layout",
    "Pipelined",
    "RemoteServer",
    "Server",
    "Spread",
    "Traffic",
    "Turn",
    "adaptive_revision",
    "hogwild",
    "in_step",
    "load",
    "on_ray",
    "save",
    "share_by_speed",
    "split_layers",
    "step_as_they_come",
    "step_of_the_first",
    "take_turns",
    "whole",
]


def __dir__() -> list[str]:
    return __all__
