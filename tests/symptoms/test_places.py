"""Where a problem is to be looked for."""

from sick_dynamics import unstable

from descend.doctor.canon.diagnosis import diagnose
from descend.doctor.record import Site


def test_what_a_library_makes_is_looked_for_where_the_script_asks_for_it():
    record = unstable()
    library = Site("optimizer", "0", "/env/site-packages/transformers/trainer.py", 1326)
    own = Site("optimizer_in_script", "0", "/home/me/train.py", 37)
    record.sites = [library]
    assert [s.where for s in diagnose(record) if s.id == "instability"] == [library]
    record.sites = [own, library]
    assert [s.where for s in diagnose(record) if s.id == "instability"] == [own]
