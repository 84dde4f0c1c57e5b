"""The weights by which a sampler draws each class."""

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset, RandomSampler, Subset, TensorDataset, WeightedRandomSampler

from descend.doctor.instrumentation.sampler_weights import sampler_weights
from descend.doctor.record import facts

LABELS = torch.tensor([0] * 8 + [1] * 8 + [2] * 4)
OF_CLASSES = torch.tensor([1.0, 1.0, 2.0], dtype=torch.float64)


class Examples(Dataset):
    def __init__(self, labels):
        self.paths, self.targets = ["a"] * len(labels), labels

    def __len__(self):
        return len(self.targets)


def sampler(weights=OF_CLASSES[LABELS]):
    return WeightedRandomSampler(weights, len(weights))


@pytest.mark.parametrize("labels", [LABELS, LABELS.tolist(), np.array(LABELS, dtype=np.int32)])
def test_the_labels_of_a_data_set_give_the_weights_of_the_classes(labels):
    expected = facts.ClassWeights("sampler", (1, 1, 2), (8, 8, 4))
    assert sampler_weights(sampler(), Examples(labels)) == expected
    assert sampler_weights(sampler(), TensorDataset(torch.randn(20, 3), torch.as_tensor(labels))) == expected


def test_the_labels_of_a_subset_are_those_of_its_examples():
    assert sampler_weights(sampler(OF_CLASSES[LABELS[4:]]), Subset(Examples(LABELS), range(4, 20))).counts == (4, 8, 4)


def test_other_weights_and_samplers_have_no_classes():
    assert sampler_weights(RandomSampler(Examples(LABELS)), Examples(LABELS)) is None
    assert sampler_weights(sampler(torch.arange(1.0, 21.0)), Examples(LABELS)) is None
    assert sampler_weights(sampler(), Examples(torch.arange(20))) is None
    assert sampler_weights(sampler(), Examples(["cat"] * 20)) is None
    assert sampler_weights(sampler(), Examples(np.array(["cat"] * 20, dtype=object))) is None
    assert sampler_weights(sampler(OF_CLASSES), Subset(Examples(LABELS), range(4, 20))) is None
