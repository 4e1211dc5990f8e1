"""An artefact's manifest written anew: references and figures are learned from the artefact itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from plaudit import artifact
from plaudit.artifact import Manifest
from plaudit.training import card

_LEARNED: Final = ("references", "errors_counted_on")
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
