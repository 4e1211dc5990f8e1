"""Files of annotation tools: Argilla, Prodigy and Label Studio, read and written.

Reading needs no option: a record that has the shape of one of these tools is taken apart, and several
annotators become one label by majority (`unsure` where they tie). Tasks that nobody answered are left out.
Where nobody chose a flag in the whole file, flags were not asked for, which is not the same as none holding.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import orjson

from plaudit.errors import MappingError, TrainingDataError
from plaudit.scores import FLAGS, LABELS
from plaudit.training import cells

Row = dict[str, Any]

_NOT_META: Final = ("text", "label", "flags", "probabilities")
_RESPONSES: Final = ".responses"


# Reading


def flattened(rows: Sequence[Row], *, path: str) -> list[Row]:
    """Return rows with `text`, `label` and `flags` where they have the shape of a tool's, else as they are.

    Raises:
        TrainingDataError: They are a tool's, and none of them was annotated.
    """
    reader = next((read for fits, read in _READERS if rows and all(map(fits, rows))), None)
    if reader is None:
        return list(rows)
    found = [row for row in map(reader, rows) if row is not None]
    if not found:
        raise TrainingDataError(
            f"None of the {len(rows):,} tasks in {path} was annotated; export it after labelling."
        )
    return found if any(row.get("flags") for row in found) else [row | {"flags": None} for row in found]


def _row(fields: Mapping[str, Any], answers: Sequence[Sequence[str]], meta: Mapping[str, Any]) -> Row | None:
    """Return one row from what each annotator chose; None where nobody chose a label."""
    labels = [cells.label_of(chosen) for chosen in answers]
    counts = Counter(label for label in labels if label is not None).most_common()
    if not counts:
        return None
    flags = Counter(flag for chosen in answers for flag in chosen if flag in FLAGS)
    tied = len(counts) > 1 and counts[0][1] == counts[1][1]
    return {
        **{name: value for name, value in meta.items() if name not in _NOT_META},
        **{name: value for name, value in fields.items() if name not in _NOT_META or name == "text"},
        "label": counts[0][0],
        "flags": [flag for flag in FLAGS if 2 * flags[flag] > len(answers)],
        "labels": [label for label in labels if label is not None],
        **({"unsure": True} if tied else {}),
    }


def _is_label_studio(row: Row) -> bool:
    return isinstance(row.get("data"), dict) and ("annotations" in row or "predictions" in row)


def _from_label_studio(row: Row) -> Row | None:
    answers = [
        [choice for part in each.get("result", ()) for choice in part.get("value", {}).get("choices", ())]
        for each in row.get("annotations") or ()
        if not each.get("was_cancelled")
    ]
    return _row(row["data"], answers, {})


def _is_label_studio_table(row: Row) -> bool:
    return "annotation_id" in row and "lead_time" in row


def _from_label_studio_table(row: Row) -> Row | None:
    # CSV and JSON-MIN: a row an annotation, without the names of controls in which nothing was chosen, and
    # with the time of the annotation.
    return {**row, "flags": row.get("flags") or [], "created_at": None}


def _is_prodigy(row: Row) -> bool:
    return "answer" in row and ("accept" in row or "label" in row) and "text" in row


def _from_prodigy(row: Row) -> Row | None:
    if row["answer"] != "accept":
        return None
    chosen = row["accept"] if "accept" in row else [row["label"]]
    who = row.get("_annotator_id") or row.get("_session_id")  # a row an annotator
    meta = {**(row.get("meta") or {}), **({"annotator": who} if who else {})}
    return _row({"text": row["text"]}, [list(chosen)], meta)


def _is_argilla(row: Row) -> bool:
    return isinstance(row.get("fields"), dict) and ("responses" in row or "suggestions" in row)


def _from_argilla(row: Row) -> Row | None:
    by_person: dict[str, list[str]] = {}
    for answers in (row.get("responses") or {}).values():
        for number, answer in enumerate(answers):
            value = answer.get("value") if isinstance(answer, dict) else answer
            person = str(answer.get("user_id") or number) if isinstance(answer, dict) else str(number)
            chosen = value if isinstance(value, list) else [value]
            by_person.setdefault(person, []).extend(each for each in chosen if isinstance(each, str))
    return _row(row["fields"], list(by_person.values()), row.get("metadata") or {})


def _is_argilla_table(row: Row) -> bool:
    return any(name.endswith(_RESPONSES) for name in row)


def _from_argilla_table(row: Row) -> Row | None:
    # As `to_datasets` writes them: a list a question, and beside it who answered and whether it was sent.
    by_person: dict[str, list[str]] = {}
    for name in (name for name in row if name.endswith(_RESPONSES)):
        answers = row[name] or ()
        people = row.get(f"{name}.users") or [None] * len(answers)
        states = row.get(f"{name}.status") or ["submitted"] * len(answers)
        for number, (value, person, state) in enumerate(zip(answers, people, states, strict=False)):
            if state == "submitted":
                chosen = value if isinstance(value, list) else [value]
                by_person.setdefault(str(person or number), []).extend(
                    each for each in chosen if isinstance(each, str)
                )
    fields = {name: value for name, value in row.items() if "." not in name}
    return _row(fields, list(by_person.values()), {})


_READERS: Final[Sequence[tuple[Callable[[Row], bool], Callable[[Row], Row | None]]]] = (
    (_is_label_studio, _from_label_studio),
    (_is_label_studio_table, _from_label_studio_table),
    (_is_argilla_table, _from_argilla_table),
    (_is_prodigy, _from_prodigy),
    (_is_argilla, _from_argilla),
)


# Writing


def check_kind(kind: str) -> None:
    """Refuse a kind of file that cannot be written.

    Raises:
        MappingError: There is no such kind.
    """
    if kind not in _WRITERS:
        raise MappingError(f"There is no kind {kind!r}; expected one of {', '.join(KINDS)}.")


def written(rows: Iterable[Row], kind: str) -> bytes:
    """Return rows as a file of a tool.

    Args:
        rows: With `text`, perhaps `label` and `flags` to suggest, and `probabilities`; the rest is metadata.
        kind: One of `KINDS`.

    Raises:
        MappingError: There is no such kind.
    """
    check_kind(kind)
    write, as_lines = _WRITERS[kind]
    tasks = [write(row) for row in rows]
    if as_lines:
        return b"".join(orjson.dumps(task, option=orjson.OPT_APPEND_NEWLINE) for task in tasks)
    return orjson.dumps(tasks, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _meta(row: Row) -> Row:
    return {name: value for name, value in row.items() if name not in _NOT_META and value is not None}


def _score(row: Row) -> float | None:
    return (row.get("probabilities") or {}).get(row.get("label"))


def _to_label_studio(row: Row) -> Row:
    task: Row = {"data": {"text": row["text"], **_meta(row)}}
    if row.get("label"):
        chosen = {"label": [row["label"]], "flags": list(row.get("flags") or ())}
        result = [
            {"from_name": name, "to_name": "text", "type": "choices", "value": {"choices": choices}}
            for name, choices in chosen.items()
            if choices
        ]
        prediction: Row = {"model_version": "plaudit", "result": result}
        task["predictions"] = [prediction | ({} if _score(row) is None else {"score": _score(row)})]
    return task


def _to_prodigy(row: Row) -> Row:
    task = {
        "text": row["text"],
        "options": [{"id": name, "text": name} for name in (*LABELS, *FLAGS)],
        "config": {"choice_style": "multiple"},
        "meta": _meta(row),
    }
    return task | ({"accept": [row["label"], *(row.get("flags") or ())]} if row.get("label") else {})


def _to_argilla(row: Row) -> Row:
    suggestions: Row = {}
    if row.get("label"):
        suggestions["label"] = {"value": row["label"], "score": _score(row), "agent": "plaudit"}
    if row.get("flags"):
        suggestions["flags"] = {"value": list(row["flags"]), "score": None, "agent": "plaudit"}
    meta = _meta(row)
    return {
        "id": None if row.get("id") is None else str(row["id"]),
        "fields": {"text": row["text"]},
        "metadata": {k: v for k, v in meta.items() if isinstance(v, str | int | float) and k != "id"},
        "suggestions": suggestions,
        "responses": {},
        "vectors": {},
    }


_WRITERS: Final[Mapping[str, tuple[Callable[[Row], Row], bool]]] = {
    "jsonl": (dict, True),
    "label-studio": (_to_label_studio, False),
    "prodigy": (_to_prodigy, True),
    "argilla": (_to_argilla, False),
}
KINDS: Final = tuple(_WRITERS)
"""Kinds of files that can be written: our own lines, and what each tool imports."""
