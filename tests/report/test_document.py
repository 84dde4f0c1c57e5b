"""Writing the page of a report to a path that is not an ordinary file."""

import os

from descend.doctor.report.document import check_writable, write_document


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with open(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)) as reader:
        check_writable(pipe)
        write_document("<p>a page</p>", pipe)
        assert reader.read() == "<p>a page</p>"
    assert pipe.is_fifo() and list(tmp_path.iterdir()) == [pipe]
