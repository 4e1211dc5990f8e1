"""What a caller may say about a dump that the dump does not say itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from plaudit.comment import GENERIC_COLUMNS, PLATFORMS
from plaudit.errors import MappingError, UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """How to read, checked when made.

    Attributes:
        format: A name in `FORMATS`; None to tell from the content.
        creator: Id or name of whose audience this is; wins over what the dump says.
        post: Id for comments whose record names no post.
        platform: One of `PLATFORMS`, for records that name none; None for the format's own.
        columns: Generic column to the file's own name for it; dots reach into objects.
        batch_size: Records to a batch, at least 1.
        keep: Columns of the source to hand on as they are, beside the comments; dots reach into objects.
    """

    format: str | None = None
    creator: str | None = None
    post: str | None = None
    platform: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    batch_size: int = 8192
    keep: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be.

        Raises:
            MappingError: `columns` or `platform` names something that does not exist.
            UsageError: `batch_size` is not positive.
        """
        unknown = [name for name in self.columns if name not in GENERIC_COLUMNS]
        if unknown:
            known = ", ".join(GENERIC_COLUMNS)
            raise MappingError(f"There is no column '{unknown[0]}' to map to; map one of: {known}.")
        if self.platform is not None and self.platform not in PLATFORMS:
            known = ", ".join(PLATFORMS)
            raise MappingError(f"There is no platform '{self.platform}'; name one of: {known}.")
        if self.batch_size < 1:
            raise UsageError(f"A batch of {self.batch_size} records cannot be; ask for 1 or more.")
