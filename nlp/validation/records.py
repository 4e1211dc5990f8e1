"""Lines of JSON as experiments are given them: bot lists, labelled comments."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import zstandard

from plaudit.errors import InputError


def records_of(path: Path) -> list[dict[str, Any]]:
    """Read JSON lines, plain or .zst; plain texts are records with nothing but a `text`.

    Raises:
        InputError: The file cannot be read, or a line is no JSON.
    """
    try:
        data = path.read_bytes()
        if data.startswith(b"\x28\xb5\x2f\xfd"):
            data = zstandard.ZstdDecompressor().stream_reader(data).read()
        lines = data.decode().split("\n")  # some texts hold other line breaks
    except (OSError, UnicodeDecodeError, zstandard.ZstdError) as error:
        raise InputError(f"{path} can't be read as lines of JSON ({error}); name another file.") from error
    return [
        _record(line, where=f"{path}, line {number}")
        for number, line in enumerate(lines, start=1)
        if line.strip()
    ]


def _record(line: str, *, where: str) -> dict[str, Any]:
    if not line.lstrip().startswith("{"):
        return {"text": line.strip()}
    try:
        return dict(json.loads(line))
    except json.JSONDecodeError as error:
        raise InputError(f"{where} is no JSON ({error}); expected one object a line.") from error
