"""Dumps to measure on, where no real one is at hand."""

from __future__ import annotations

import json
import random
from pathlib import Path

from plaudit.readers import ReadOptions, read

_SMALL = (
    "the a and to of I you it is in this that my for so was on with but have not be are me your just what how"
).split()
_SYLLABLES = "ba ke li mo nu ra se ti vo za cher dun fel gor hin jas lor mep nol pir quen sul tav wex".split()
_PRAISE = ("so cool", "nice", "love this", "❤️❤️❤️", "great video!", "first", "🔥🔥", "wow amazing")


def make_dump(path: Path, *, n: int, seed: int = 1) -> Path:
    """Write n comments as NDJSON, one in twelve a repetition, three in ten replies; return the path."""
    draw = random.Random(seed)
    words = ["".join(draw.choices(_SYLLABLES, k=draw.randint(1, 3))) for _ in range(5000)]
    with path.open("w", encoding="utf-8") as file:
        for i in range(n):
            fields = {
                "id": f"c{i}",
                "text": draw.choice(_PRAISE) if draw.random() < 1 / 12 else _text(draw, words),
                "author": f"u{int(draw.paretovariate(0.8)) % max(n // 2, 1)}",
                "post_id": f"p{i * 50 // max(n, 1)}",
                "parent_id": f"c{i - draw.randint(1, 20)}" if i > 20 and draw.random() < 0.3 else None,
                "created_at": 1_700_000_000 + 60 * i,
            }
            file.write(json.dumps(fields, ensure_ascii=False) + "\n")
    return path


def _text(draw: random.Random, words: list[str]) -> str:
    n_words = min(int(draw.expovariate(1 / 14)) + 3, 120)
    said = [draw.choice(_SMALL) if draw.random() < 0.5 else draw.choice(words) for _ in range(n_words)]
    return " ".join(said).capitalize() + draw.choice(("", ".", "!", "?", " 😂", "..."))


def texts_of(dump: str) -> list[str]:
    """Return the texts of a dump, in its order."""
    batches = read([dump], options=ReadOptions(batch_size=2048))
    return [text for batch in batches for text in batch.comments.column("text").to_pylist()]


def head_of(dump: Path, path: Path, *, share: float) -> Path:
    """Write the first share of a dump's comments as NDJSON of its own; return the path."""
    batches = list(read([dump], options=ReadOptions(batch_size=2048)))
    kept = batches[: max(int(len(batches) * share), 1)]
    names = ("id", "text", "parent_id", "post_id", "creator_id", "created_at", "likes", "is_creator")
    with path.open("w", encoding="utf-8") as file:
        for batch in kept:
            for row in batch.comments.to_pylist():
                fields = {name: row[name] for name in names} | {"author": str(row["author"])}
                file.write(json.dumps(fields, ensure_ascii=False) + "\n")
    return path
