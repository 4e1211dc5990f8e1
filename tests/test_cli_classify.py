from __future__ import annotations

import gzip
import json

import pytest
import zstandard

from tests.commands import run as run
from tests.commands import start

KEYS = ["id", "label", "probabilities", "flags", "language", "supported", "truncated"]
LINES = 'so cool\n{"id": 7, "text": "How long did it take?"}\n\n{"id": "x"}\nI sanded my table\n'


def answers(output: bytes | str) -> list[dict]:
    return [json.loads(line) for line in output.splitlines()]


def test_each_line_gets_one_answer_in_order(run):
    result = run("classify", stdin=LINES)
    assert result.exit_code == 0
    assert result.stderr == ""
    found = answers(result.stdout)
    assert [answer["id"] for answer in found] == ["1", "7", "3", "x", "5"]
    labels = [answer.get("label") for answer in found]
    assert labels == ["generic_praise", "question", None, None, "genuine"]
    assert all(list(answer) in (KEYS, ["id", "error"]) for answer in found)
    assert list(found[0]["probabilities"]) == ["genuine", "generic_praise", "question"]
    assert sum(found[0]["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert list(found[0]["flags"]) == ["experience", "solicitation", "addressed"]


def test_an_unread_language_has_all_fields(run):
    (answer,) = answers(run("classify", "-", stdin="これは何ですか?\n").stdout)
    assert list(answer) == KEYS
    assert answer["supported"] is False


def widen(content: bytes) -> bytes:
    return content.decode().encode("utf-16")


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress, widen])
def test_a_file_reads_like_stdin(run, tmp_path, pack):
    path = tmp_path / "comments"
    path.write_bytes(pack(LINES.encode()))
    assert run("classify", path).stdout == run("classify", stdin=LINES).stdout


def test_bad_bytes_and_lone_surrogates_are_answered(run):
    stdin = b'caf\xe9\n{"id": "\\ud800", "text": "\\udfff"}\n' + b"\x00\n" + b'{"text": ' + b"[" * 50_000
    found = answers(run("classify", stdin=stdin).stdout)
    assert [answer["id"] for answer in found] == ["1", "?", "3", "4"]


def test_no_input_gives_no_output(run):
    result = run("classify", stdin="")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("name", "content", "mention"),
    [
        ("gone", None, "There is no file"),
        ("empty", b"", "is empty"),
        ("picture", b"\x89PNG" + bytes(500), "PNG image"),
        ("table", b"PAR1" + bytes(500), "Parquet"),
        ("cut.gz", gzip.compress(LINES.encode(), mtime=0)[:-20], "ends too early"),
        ("cut.zst", zstandard.compress(LINES.encode())[:-20], "unpacked"),
        ("junk.gz", b"\x1f\x8bjunk", "unpacked"),
        ("junk.zst", b"\x28\xb5\x2f\xfd" + b"junk" * 9, "unpacked"),
        ("folder", "", "is a folder"),
    ],
)
def test_an_unusable_file_is_one_sentence(run, tmp_path, name, content, mention):
    path = tmp_path / name
    if content == "":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    result = run("classify", path)
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith("plaudit: ")
    assert name in line
    assert mention in line


def test_many_lines_are_answered_in_chunks(run):
    stdin = "".join(f"comment number {i}\n" for i in range(3000))
    assert [answer["id"] for answer in answers(run("classify", stdin=stdin).stdout)] == [
        str(i) for i in range(1, 3001)
    ]


def test_a_line_is_answered_before_the_next_is_written():
    with start("classify") as process:
        for i in range(1, 4):
            process.stdin.write(b"so cool\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["id"] == str(i)
        process.stdin.write(b"no end of line")
        process.stdin.close()
        assert json.loads(process.stdout.readline())["id"] == "4"
        assert process.wait(30) == 0


def test_a_reader_that_has_enough_ends_it_quietly(tmp_path):
    path = tmp_path / "long"
    path.write_bytes(b"so cool\n" * 200_000)
    with start("classify", path) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(60) == 0
        assert process.stderr.read() == b""
