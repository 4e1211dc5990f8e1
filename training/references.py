"""What is usual: signal references fitted on dumps of real communities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from plaudit import artifact
from plaudit.artifact import Manifest
from plaudit.training import card


def replace_manifest(folder: Path, **changes: Any) -> Manifest:
    """Write an artefact's manifest anew with some fields changed, and its card; weights stay.

    References and figures are learned after the weights, from the artefact itself. Its id, the hash
    of weights and tokenizer, stays; the hash of the manifest, which every report names, changes.

    Raises:
        ArtifactError: The artefact is damaged, or the disk is full.
    """
    manifest = artifact.load(folder).manifest
    changed = Manifest.model_validate(manifest.model_dump() | changes)
    text = card.render(changed).encode()
    files = dict(changed.files) | artifact.file_records({artifact.CARD: text})
    changed = changed.model_copy(update={"files": files})
    artifact.rewrite(folder, changed, contents={artifact.CARD: text})
    return changed


OnDump = Callable[[Path, int], None]
__all__ = ["OnDump", "Sequence", "replace_manifest"]
