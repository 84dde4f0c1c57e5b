"""The line at which a problem is reported."""

from dataclasses import replace

from sick_dynamics import unstable

from descend.doctor.catalog.diagnosis import diagnose
from descend.doctor.codemod.locate import site_name
from descend.doctor.record import Site


def test_an_object_created_in_a_library_is_located_in_the_script():
    record = unstable()
    library = Site("optimizer", "0", "/env/site-packages/transformers/trainer.py", 1326)
    own = Site("optimizer_in_script", "0", "/home/me/train.py", 37)
    record.sites = [library]
    assert [s.where for s in diagnose(record) if s.id == "instability"] == [library]
    record.sites = [own, library]
    assert [s.where for s in diagnose(record) if s.id == "instability"] == [replace(own, kind="optimizer")]


def test_a_library_call_in_the_script_has_a_name_in_messages():
    record = unstable()
    library = Site("step", "0", "/env/site-packages/lightning/optimizer.py", 1326)
    record.sites = [library, Site("step_in_script", "0", "/home/me/train.py", 37)]
    assert site_name(record.site_in_script(library)) == site_name(library)
