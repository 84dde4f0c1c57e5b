import torch

from descend.data.moments import measure_moments


def test_the_moments_of_parts_add_up_to_those_of_all_rows() -> None:
    rows = torch.randn(97, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 3 + 1e6
    total = measure_moments(rows[:1])
    for part in rows[1:].split(8):
        total += measure_moments(part)
    assert total.count == 97
    assert torch.allclose(total.mean, rows.mean(0), rtol=1e-12)
    assert torch.allclose(total.deviation(1e-16), rows.std(0, unbiased=False), rtol=1e-9)


def test_a_constant_feature_is_recognised_despite_rounding() -> None:
    total = measure_moments(torch.full((7, 1), 0.1, dtype=torch.float64))
    for size in (3, 11, 1):
        total += measure_moments(torch.full((size, 1), 0.1, dtype=torch.float64))
    assert total.deviation(0.0).item() == 1
    nearly = measure_moments(torch.tensor([[1000.0], [1000.00001]], dtype=torch.float64))
    assert nearly.deviation(1e-7).item() == 1 and nearly.deviation(1e-16).item() < 1e-5
