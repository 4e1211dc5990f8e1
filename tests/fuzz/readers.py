"""Readers under coverage-guided fuzzing: whatever the bytes, each record ends as a comment or a rejection.

    python -m tests.fuzz.readers FOLDER [-max_total_time=600 and other options of libFuzzer]

Needs `atheris`, which has wheels for CPython 3.11 to 3.13 on Linux; where there is one, `.ci/run` fuzzes for
a minute. Without it, hypothesis draws what `tests/test_readers_fuzz*.py` and `tests/test_readers_garbage.py`
read.

FOLDER keeps the inputs that reached something new; it is begun with an example a format and container. An
input that crashes is written beside it, and `python -m tests.fuzz.readers FILE` runs it again.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["plaudit.readers"]):
    from plaudit.comment import COMMENT_SCHEMA, REJECTION_REASONS
    from plaudit.errors import InputError, MappingError
    from plaudit.readers import ReadOptions, read

_NAMES = ("a", "a.csv", "a.json", "a.jsonl", "a.txt", "a.parquet", "a.arrow", "a.xlsx", "a.zip")
_OPTIONS = (
    ReadOptions(),
    ReadOptions(batch_size=1),
    ReadOptions(creator="a", post="p", keep=("text", "id", "comments")),
)
_FOLDER = Path(tempfile.mkdtemp(prefix="fuzz-"))


def one(data: bytes) -> None:
    """Read some bytes; the first two say what their file is called and how it is read.

    Raises:
        AssertionError: A batch is not what it says.
    """
    name = _NAMES[data[0] % len(_NAMES)] if data else "a"
    options = _OPTIONS[data[1] % len(_OPTIONS)] if len(data) > 1 else _OPTIONS[0]
    path = _FOLDER / name
    path.write_bytes(data[2:])
    try:
        for batch in read([path], options=options):
            batch.comments.validate(full=True)
            assert batch.comments.schema == COMMENT_SCHEMA
            assert {each.reason for each in batch.rejections} <= REJECTION_REASONS.keys()
    except (InputError, MappingError):
        pass
    finally:
        path.unlink()


def begin(folder: Path) -> None:
    """Put an example a format and container into a folder."""
    from tests.fuzz.examples import examples

    folder.mkdir(parents=True, exist_ok=True)
    for number, (suffix, data) in enumerate(examples()):
        name = next((i for i, each in enumerate(_NAMES) if each == f"a{suffix}"), 0)
        (folder / f"example-{number:03d}").write_bytes(bytes([name, 0]) + data)


def main() -> None:
    """Run until told to stop, or until something breaks."""
    places = [Path(each) for each in sys.argv[1:] if not each.startswith("-")]
    if not places:
        sys.exit(__doc__)
    if not places[0].is_file():
        begin(places[0])
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
