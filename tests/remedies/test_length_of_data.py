import pytest

from descend.doctor.record import Site
from descend.doctor.remedies.length_of_data import length_of_data

TEXT = "class Rows:\n    def __len__(self):\n        return {}\n"


@pytest.mark.parametrize("length", ["len(self.rows) // 32", "10", "max(1, self.count)"])
def test_the_length_is_that_of_the_stored_rows(patient, length: str) -> None:
    p = patient(TEXT.format(length))
    p.record.sites.append(Site("length", "1", str(p.script.path), 3, 15, 3, 15 + len(length)))
    assert p.edited(length_of_data, name="rows", loader="1") == TEXT.format("len(self.rows)")
    assert "did not show" in p.refusal(length_of_data, name="rows", loader="0")
