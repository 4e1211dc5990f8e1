"""An artefact's manifest written anew: references and figures are learned from the artefact itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from plaudit import artifact
from plaudit.artifact import Artifact, Manifest
from plaudit.training import card, records
from plaudit.training.dataset import LabelledComment

_RECOUNTED: Final = "errors_counted_on"
_LEARNED: Final = ("references", _RECOUNTED)
"""What `data` says of the commands that learn from a finished artefact."""


def keep_learned(folder: Path, earlier: Manifest) -> None:
    """Give an artefact that was built once more what was learned with it since: the same weights have one id.

    Args:
        folder: The artefact as it was built again.
        earlier: Its manifest from before.

    Raises:
        ArtifactError: The artefact is damaged, or the disk is full.
    """
    manifest = artifact.load(folder).manifest
    origins = {name: earlier.data[name] for name in _LEARNED if name in earlier.data}
    changes: dict[str, Any] = {"answers": earlier.answers} if "errors_counted_on" in origins else {}
    replace_manifest(
        folder,
        references=earlier.references or manifest.references,
        metrics={**earlier.metrics, **manifest.metrics},
        data={**manifest.data, **origins},
        **changes,
    )


def derive(
    lead: Artifact,
    held_out: Sequence[LabelledComment],
    *,
    models: Path,
    name: str,
    contents: Mapping[str, bytes],
    **changes: Any,
) -> Path:
    """Write a model made of another; return its folder.

    What the other's manifest says stays, but for `changes`, its figures and what rests on held-out comments.
    References are inherited, and say with which model they were learnt.

    Args:
        lead: The other.
        held_out: What temperatures and error counts in `changes` were fitted on.
        models: Folder of artefacts; CURRENT is not touched.
        name: First word of the artefact's id.
        contents: Its files but for manifest and card.
        changes: Fields of the manifest.

    Raises:
        ArtifactError: The artefact cannot be written.
    """
    created = datetime.now(UTC).date().isoformat()
    data = {key: value for key, value in lead.manifest.data.items() if key != _RECOUNTED}
    if "references" in data:
        data["references"] = {"learned_with": lead.manifest.id} | data["references"]
    fixed = {
        "format_version": artifact.FORMAT_VERSION,
        "id": artifact.content_id(name, created=created, contents=contents),
        "created": created,
        "files": artifact.file_records(contents),
        "data": data | {"held_out": records.part_record(held_out)},
        "metrics": {},
    }
    manifest = Manifest.model_validate(lead.manifest.model_dump() | fixed | changes)
    return artifact.write(
        models, manifest, contents={**contents, artifact.CARD: card.render(manifest).encode()}
    )


def replace_manifest(folder: Path, **changes: Any) -> Manifest:
    """Write an artefact's manifest anew with some fields changed, and its card; weights stay.

    Its id, the hash of weights and tokenizer, stays; the hash of the manifest, which every report
    names, changes.

    Raises:
        ArtifactError: The artefact is damaged, or the disk is full.
    """
    manifest = artifact.load(folder).manifest
    # The card follows from the manifest, so no hash of it is kept: a kill between the two files does no harm.
    files = {name: record for name, record in manifest.files.items() if name != artifact.CARD}
    fixed = {"files": files, "format_version": artifact.FORMAT_VERSION}
    changed = Manifest.model_validate(manifest.model_dump() | fixed | changes)
    artifact.rewrite(folder, changed, contents={artifact.CARD: card.render(changed).encode()})
    return changed
