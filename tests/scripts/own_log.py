"""What a training script saw of itself: its losses as it computed them, its weights, the random numbers that follow.

Written to the file that the script's first argument names.
"""

import hashlib
import json
import random
import sys

import numpy
import torch

random.seed(5)
numpy.random.seed(5)


class OwnLog:
    def __init__(self):
        self.losses = {}
        self.others = {}

    def loss(self, value, key="0"):
        self.losses.setdefault(key, []).append(float(torch.as_tensor(value).detach()))

    def end(self, *parameters):
        sha = hashlib.sha256()
        for p in parameters:
            sha.update(p.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
        following = [float(torch.rand(1)), random.random(), numpy.random.rand()]
        seen = {"losses": self.losses, "weights": sha.hexdigest(), "following": following, **self.others}
        with open(sys.argv[1], "w") as file:
            json.dump(seen, file)
