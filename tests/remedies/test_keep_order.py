from descend.doctor.record import Site
from descend.doctor.remedies.keep_order import keep_order

TEXT = """from torch.utils.data import DataLoader
a = DataLoader(x, batch_size=4, shuffle=True)
b = DataLoader(y, 4, True)
"""


def loaders(patient):
    p = patient(TEXT, loader="DataLoader(x")
    first = p.record.site("loader", "0")
    p.record.sites.append(Site("loader", "1", first.file, 3, first.column, 3, len("b = DataLoader(y, 4, True)")))
    return p


def test_neither_loader_shuffles(patient):
    p = loaders(patient)
    edited = p.edited(keep_order, loaders=["0", "1"])
    assert edited == TEXT.replace("shuffle=True", "shuffle=False").replace("4, True", "4, False")
    assert p.changes(keep_order, loaders=["1"]) == ["-b = DataLoader(y, 4, True)", "+b = DataLoader(y, 4, False)"]


def test_a_loader_made_inside_another_function_is_refused(patient):
    assert patient("a = batches(x)\n", loader="batches(").refusal(keep_order, loaders=["0"])
