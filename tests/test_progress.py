from __future__ import annotations

import io
import sys
import time

import pytest

from plaudit.errors import InputError
from plaudit.service.progress import Meter, total_bytes


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def told(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, **options: bool | int | None) -> str:
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    with Meter(**({"n_bytes": 1000} | options)) as meter:
        meter.say("Scoring")
        meter.advance(1234, n_bytes=500)
        time.sleep(0.01)
        meter.advance(1000, n_bytes=250)
        time.sleep(0.2)  # the bar is drawn ten times a second
    return stream.getvalue()


def test_nothing_is_told_to_a_file_unasked(monkeypatch):
    assert told(monkeypatch, io.StringIO()) == ""
    assert told(monkeypatch, Terminal(), shown=False) == ""


def test_a_terminal_gets_a_bar(monkeypatch):
    bar = told(monkeypatch, Terminal())
    assert "Scoring" in bar
    assert "75%" in bar
    assert "2,234 comments" in bar


def test_a_file_gets_lines_where_asked_for(monkeypatch):
    monkeypatch.setattr("plaudit.service.progress._LINE_SECONDS", 0.0)
    first, _, last = told(monkeypatch, io.StringIO(), shown=True).splitlines()
    assert first.startswith("plaudit: 50%, 1,234 comments, ")
    assert last.startswith("plaudit: 75%, 2,234 comments, ")
    assert last.endswith(" s left")


def test_what_an_earlier_run_has_done_says_nothing_about_the_speed(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    now = [0.0]
    monkeypatch.setattr("plaudit.service.progress.time.monotonic", lambda: now[0])
    meter = Meter(n_bytes=1000, shown=True)
    now[0] = 4.0
    meter.advance(0, n_bytes=800)
    now[0] = 14.0
    meter.advance(500, n_bytes=100)
    assert stream.getvalue() == "plaudit: 90%, 500 comments, 50 a second, 10 s left\n"


def test_an_unknown_size_leaves_the_time_open(monkeypatch):
    (line,) = told(monkeypatch, io.StringIO(), shown=True, n_bytes=None).splitlines()
    assert line.startswith("plaudit: 2,234 comments, ")
    assert "left" not in line


def test_the_size_is_that_of_all_files(tmp_path):
    (tmp_path / "folder").mkdir()
    for i, name in enumerate(("a.csv", "folder/b.csv", "folder/c.txt"), start=1):
        (tmp_path / name).write_bytes(b"x" * i)
    assert total_bytes([str(tmp_path / "a.csv"), str(tmp_path / "folder")]) == 6
    assert total_bytes([str(tmp_path / "a.csv"), "-"]) is None
    with pytest.raises(InputError, match="gone"):
        total_bytes([str(tmp_path / "gone")])
