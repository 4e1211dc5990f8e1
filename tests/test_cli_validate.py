from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from plaudit.service import validate as command
from plaudit.validation import scale
from tests.commands import run  # noqa: F401
from tests.validation import TINY

SIMULATED = ("validate", "--simulated", "--only", "bots", "--only", "invariance")


@pytest.fixture(autouse=True)
def tiny(monkeypatch, tmp_path):
    monkeypatch.setitem(scale.SCALES, "small", replace(TINY, n_posts=3, n_big=1))
    monkeypatch.chdir(tmp_path)


def write(path: Path, rows) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def dump(path: Path, n: int = 130) -> Path:
    words = ("great", "the lid cracked in place", "which glaze is it?", "the rim at {0}:10 is thin")
    return write(
        path,
        [
            {
                "id": str(i),
                "post_id": f"p{i % 2}",
                "author": f"a{i % 50}",
                "text": words[i % 4].format(i) + f" {i}",
            }
            for i in range(n)
        ],
    )


def test_simulated_communities_need_no_file(run, tmp_path):  # noqa: F811
    done = run(*SIMULATED, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "validation.html",
        "validation.json",
    ]
    found = json.loads((tmp_path / "out" / "validation.json").read_bytes())
    assert [claim["name"] for claim in found["claims"]] == ["bots", "invariance"]
    assert "Spearman of dose" in done.stdout
    assert "validation.html" in done.stderr
    assert found["sources"]["simulated"] > 500


def test_the_same_seed_gives_the_same_files(run, tmp_path):  # noqa: F811
    pages = []
    for name in ("one", "two"):
        assert run(*SIMULATED, "--seed", 3, "--out", tmp_path / name).exit_code == 0
        pages.append([(tmp_path / name / file).read_bytes() for file in command.RESULT_FILES])
    assert pages[0] == pages[1]


def test_files_that_the_user_names_are_used(run, tmp_path):  # noqa: F811
    bots = write(tmp_path / "bots.jsonl", [{"text": "great post", "family": "f"}, {"text": "nice"}])
    groups = tmp_path / "groups.toml"
    groups.write_text(
        '[[group]]\nname = "all"\nindex = "authenticity"\nside = "high"\nmin_comments = 20\n', "utf-8"
    )
    cache = tmp_path / "labels.parquet"
    done = run(
        "validate", f"youtube={dump(tmp_path / 'dump.jsonl', n=260)}", "--bots", bots, "--groups", groups,
        "--only", "bots", "--only", "omission", "--cache", cache, "--out", "out", "--progress",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    found = json.loads(Path("out/validation.json").read_bytes())
    assert found["sources"] == {"dump.jsonl": 260}
    assert found["claims"][0]["rows"][0]["n"] == 2
    assert cache.exists()
    assert "Injecting bots" in done.stderr
    assert "Injecting bots" not in done.stdout


def test_what_is_there_by_default_is_used(run, tmp_path, monkeypatch):  # noqa: F811
    threads = tmp_path / "shared/data/threads"
    threads.mkdir(parents=True)
    write(threads.parent / "bots.jsonl", [])
    dump(tmp_path / "plain.jsonl")
    import zstandard

    packed = zstandard.ZstdCompressor().compress((tmp_path / "plain.jsonl").read_bytes())
    (threads / "creators.jsonl.zst").write_bytes(packed)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    done = run("validate", "--only", "omission")
    assert done.exit_code == 0, done.output
    found = json.loads(Path("plaudit-validation/validation.json").read_bytes())
    assert found["sources"] == {"creators.jsonl.zst": 130}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "there are none in ../shared/data"),
        (("none.jsonl",), "none.jsonl"),
        (("mars=dump.jsonl",), "there is no platform 'mars'"),
        (("dump.jsonl", "--only", "tarot"), "no experiment 'tarot'"),
        (("dump.jsonl", "--bots", "none.jsonl"), "none.jsonl can't be read"),
        (("dump.jsonl", "--bots", "textless.jsonl"), "has no text"),
        (("dump.jsonl", "--labels", "textless.jsonl"), "expected a text and a label"),
        (("dump.jsonl", "--labels", "broken.jsonl"), "line 1 is no JSON"),
        (("dump.jsonl", "--groups", "broken.jsonl"), "known groups can't be read"),
        (("dump.jsonl", "--out", "dump.jsonl"), "is a file, a folder was expected"),
        (("dump.jsonl", "--scale", "huge"), "huge"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(run, arguments, words):  # noqa: F811
    dump(Path("dump.jsonl"))
    write(Path("textless.jsonl"), [{"comment": "x"}])
    Path("broken.jsonl").write_text("{broken", "utf-8")
    done = run("validate", *arguments)
    assert done.exit_code == 2
    assert words in done.stderr
    assert "Traceback" not in done.output
    assert not Path("plaudit-validation").exists()
