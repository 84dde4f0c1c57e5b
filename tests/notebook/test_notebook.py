"""A notebook is converted to one Python source, whose edits go back into its cells and run in Jupyter."""

import ast
import json
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notebooks import SICK, code, notebook, text, write

from descend.core.errors import UsageError
from descend.doctor.script.notebook import cell_position, ignored_lines, to_source, with_source
from descend.doctor.script.script import find_script

MAGICS = "x = 5\n%time x += 1\nif x:\n    !ls\n?x\nx.real??\ny = x \\\n% 3"
WHOLE = st.lists(
    st.sampled_from(
        ["", "x = 1", "\n\n", "def f():\n    return '''\n%d'''", "%%html\n<b>", "%%time\nx = 2", MAGICS, "ä = 1\n"]
    ),
    min_size=1,
)


@given(WHOLE, st.booleans(), st.sampled_from([1, 2, None]))
def test_an_unedited_notebook_stays_unchanged(cells, as_list, indent):
    whole = notebook(text("# A title"), *(code(c, as_list=as_list) for c in [*cells, "z = 1"]), indent=indent)
    source = to_source(whole, "n.ipynb")
    assert with_source(whole, "n.ipynb", source) == whole
    for part in source.split("# %% cell")[1:]:
        ast.parse("#" + part)


def test_edits_go_into_their_cells_and_lines_above_into_the_first():
    whole = notebook(code("import torch\n%who"), text("then"), code("lr = 1\n!ls"))
    source = "import math\n" + to_source(whole, "n.ipynb").replace("lr = 1", "lr = 0.1\nmomentum = 0.9")
    cells = json.loads(with_source(whole, "n.ipynb", source))["cells"]
    assert cells[0]["source"] == ["import math\n", "import torch\n", "%who"]
    assert cells[2]["source"] == ["lr = 0.1\n", "momentum = 0.9\n", "!ls"] and cells[1] == text("then")


def test_only_ipython_lines_are_ignored():
    whole = notebook(code(MAGICS), code("%%timeit\nz = 1"), code("%%bash\nls"), code("'%s' % 3\n%time y"))
    assert ignored_lines(whole, "n.ipynb") == [
        "%time x += 1",
        "!ls",
        "?x",
        "x.real??",
        "%%timeit",
        "%%bash",
        "ls",
        "%time y",
    ]
    names: dict = {}
    exec(to_source(whole, "n.ipynb"), names)
    assert names["y"] == 2 and names["z"] == 1


@pytest.mark.parametrize("magic", ["%%descend", "%%descend --seeds 2", "%%descend\t--quick", "%%capture out", "%%time"])
def test_a_cell_with_a_magic_around_python_is_run(magic):
    names: dict = {}
    exec(to_source(notebook(code("%load_ext descend\nx = 1"), code(f"{magic}\ny = x + 1")), "n.ipynb"), names)
    assert names["y"] == 2


def test_a_line_is_located_in_its_cell():
    source = to_source(notebook(code("a = 1\nb = 2"), text("between"), code("c = 3\n")), "n.ipynb")
    lines = source.split("\n")
    assert [cell_position(source, lines.index(s) + 1) for s in ("a = 1", "b = 2", "c = 3")] == [(1, 1), (1, 2), (2, 1)]


@pytest.mark.parametrize(
    ("whole", "said"),
    [
        ("{", "train.ipynb is not a notebook"),
        ("[1]", "the field nbformat is missing"),
        (notebook(nbformat=3), "has the old notebook format 3; convert it with jupyter nbconvert"),
        (notebook(code("x = 1"), language="R"), "is a notebook in R, not in Python"),
        (notebook(text("nothing else")), "has no code"),
        (notebook(code("x = 1"), code("y = 2\nz = (")), "train.ipynb, cell 2, line 2: "),
    ],
)
def test_a_file_that_is_not_a_notebook_is_refused(tmp_path, monkeypatch, whole, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.ipynb").write_text(whole)
    with pytest.raises(UsageError) as raised:
        find_script("train.ipynb")
    assert said in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.slow
def test_watch_refuses_a_notebook_with_advice(descend_here, tmp_path):
    write(tmp_path, *SICK)
    done = descend_here("watch", "train.ipynb", cwd=tmp_path)
    assert done.returncode == 2 and "descend doctor train.ipynb" in done.stderr


@pytest.mark.slow
def test_a_failing_cell_is_named_in_the_traceback(descend_here, tmp_path):
    write(tmp_path, code("def f(x):\n    return 1 / x"), code("y = 1\nf(0)"))
    done = descend_here("doctor", "train.ipynb", cwd=tmp_path)
    assert done.returncode == 4 and "ZeroDivisionError" in done.stderr
    assert 'train.ipynb", cell 2, line 2, in <module>' in done.stderr
    assert 'train.ipynb", cell 1, line 2, in f' in done.stderr and "descend/doctor" not in done.stderr


@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.frameworks
def test_a_notebook_is_diagnosed_and_its_patch_runs_in_jupyter(descend_here, tmp_path):
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    path = write(tmp_path, *SICK)
    before = path.read_bytes()
    done = descend_here("doctor", "--format", "json", "--seeds", "2", "train.ipynb", cwd=tmp_path)
    case = json.loads(done.stdout)
    assert case["findings"][0]["symptom"] == "output_loss_mismatch", case
    assert case["findings"][0]["where"] | {"module": ""} == {"file": "train.ipynb", "cell": 4, "line": 1, "module": ""}
    assert path.read_bytes() == before and case["reproduced"] is True
    subprocess.run(["patch", "-p0"], input=case["patch"], text=True, cwd=tmp_path, check=True, capture_output=True)

    def last_loss(source: bytes) -> float:
        ran = nbclient.NotebookClient(nbformat.reads(source.decode(), 4), cwd=str(tmp_path)).execute()
        nbformat.validate(ran)
        said = "".join(output.get("text", "") for output in ran.cells[-1].outputs)
        return float(said.split("loss")[1].split()[0])

    assert last_loss(path.read_bytes()) < 0.7 * last_loss(before)
