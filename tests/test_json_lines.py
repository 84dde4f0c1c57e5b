"""Files of JSON lines: an interrupted write loses one value and damages nothing."""

from descend.core.json_lines import add_json_line, read_json_lines


def test_values_are_read_back(tmp_path):
    path = tmp_path / "values.jsonl"
    assert read_json_lines(path) == []
    for value in ({"a": 1}, "line\u2028separator", [None]):
        add_json_line(path, value)
    assert read_json_lines(path) == [{"a": 1}, "line\u2028separator", [None]]


def test_an_incomplete_last_line_is_left_out_and_then_replaced(tmp_path):
    path = tmp_path / "values.jsonl"
    path.write_bytes(b'{"a": 1}\n{"a"')
    assert read_json_lines(path) == [{"a": 1}]
    add_json_line(path, {"a": 2})
    assert path.read_bytes() == b'{"a": 1}\n{"a": 2}\n'


def test_a_file_with_nothing_but_an_incomplete_line_becomes_empty(tmp_path):
    path = tmp_path / "values.jsonl"
    path.write_bytes(b"[1")
    add_json_line(path, 1)
    assert path.read_bytes() == b"1\n"
