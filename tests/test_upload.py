from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.service.form import Form, suffix_of
from plaudit.service.problems import Problem
from plaudit.service.upload import Upload

TYPE = "multipart/form-data; boundary=b"


def form(*parts: tuple[str, bytes], end: bytes = b"--b--\r\n") -> bytes:
    return b"".join(b"--b\r\n" + head.encode() + b"\r\n\r\n" + body + b"\r\n" for head, body in parts) + end


FILE = 'Content-Disposition: form-data; name="file"; filename="{}"'
FIELD = 'Content-Disposition: form-data; name="{}"'


@pytest.fixture
def upload(tmp_path):
    made = Upload(tmp_path, limit=10_000)
    yield made
    made.close()


def taken(upload, data, *, content_type=TYPE, step=7):
    found = Form(content_type, upload)
    for start in range(0, len(data), step):
        found.write(data[start : start + step])
    return found.finish()


@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_a_form_gives_its_file_and_its_fields(upload, tmp_path, step):
    body = b"text\r\n-- b is no boundary\r\nhello\r\n"
    data = form(
        (FIELD.format("creator"), "zo\u00eb".encode()),
        (FILE.format("c.CSV.gz"), body),
        (FIELD.format("by"), b"post"),
    )
    assert taken(upload, data, step=step) == {"creator": "zoë", "by": "post"}
    upload.place()
    assert (tmp_path / "dump.csv").read_bytes() == body
    assert [path.name for path in tmp_path.iterdir()] == ["dump.csv"]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "malformed, or ends too early"),
        (b"nonsense", "malformed, or ends too early"),
        (form((FILE.format("x"), b"y"), end=b""), "malformed, or ends too early"),
        (form((FIELD.format("by"), b"post")), "holds no file"),
        (form((FILE.format("x"), b"y"), (FILE.format("z"), b"y")), "several files"),
        (form(*[(FIELD.format(f"f{i}"), b"") for i in range(40)]), "more than 32 parts"),
        (form((FIELD.format("by"), b"a"), (FIELD.format("by"), b"b")), "a field twice"),
        (form((FIELD.format("by"), b"\xff")), "no UTF-8"),
        (form((FIELD.format("by"), b"a" * 5000)), "longer than 4,096 bytes"),
        (form((f"X-Long: {'a' * 9000}", b"")), r"longer than 4,096 bytes|malformed"),
    ],
)
@pytest.mark.parametrize("step", [1, 10_000])
def test_other_forms_are_refused(upload, data, expected, step):
    with pytest.raises(Problem, match=expected) as caught:
        taken(upload, data, step=step)
    assert caught.value.status_code == 422


@pytest.mark.parametrize(
    "content_type", ["multipart/form-data", "multipart/form-data; boundary=", f"{TYPE}{'b' * 5000}"]
)
def test_a_form_needs_a_boundary(upload, content_type):
    with pytest.raises(Problem, match=r"declares no boundary|malformed"):
        taken(upload, form((FILE.format("x"), b"y")), content_type=content_type)


def test_a_file_longer_than_allowed_is_refused_while_it_comes(upload):
    with pytest.raises(Problem, match="longer than 10,000 bytes") as caught:
        taken(upload, form((FILE.format("x"), b"y" * 20_000)), step=100)
    assert caught.value.status_code == 413
    assert upload.n_bytes <= 10_100


def test_nothing_is_no_dump(upload):
    with pytest.raises(Problem, match="holds no dump"):
        upload.place()


@given(
    name=st.text(max_size=40)
    | st.sampled_from(["../../etc/passwd", "a/b.csv", "C:\\x.json", ".csv/..", "x.csv\0", "-"])
)
def test_no_name_is_used_but_for_a_known_ending(name):
    assert suffix_of(name) in (
        "",
        ".csv",
        ".tsv",
        ".tab",
        ".json",
        ".jsonl",
        ".ndjson",
        ".txt",
        ".parquet",
        ".pq",
    )


@pytest.mark.parametrize(
    ("name", "suffix"),
    [("a.CSV", ".csv"), ("b.json.zst", ".json"), ("c.gz", ""), ("d", ""), ("e.jsonl.gz", ".jsonl")],
)
def test_endings_are_those_that_readers_know(name, suffix):
    assert suffix_of(name) == suffix
