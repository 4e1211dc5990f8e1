"""ZIP archives: each dump in one is a source of its own."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Sequence
from functools import partial
from pathlib import PurePosixPath
from typing import BinaryIO, Final, cast

from plaudit.errors import InputError
from plaudit.readers.archive_remains import Remnant, RemnantFile, remnants
from plaudit.readers.formats.convokit import comments_among
from plaudit.readers.origin import SUFFIXES, Source, has_suffix, refusing, sifted

_MAGICS: Final = (b"PK\x03\x04", b"PK\x05\x06")  # the second is an empty archive's
_DOCUMENT: Final = frozenset({"[Content_Types].xml", "mimetype"})  # Excel, Word, OpenDocument: one file
_ENCRYPTED: Final = 1


def members_of(source: Source, *, passed_over: list[str]) -> list[Source] | None:
    """Return the dumps in a ZIP archive, in order of their names; None where the source is none.

    Args:
        source: What may be an archive.
        passed_over: Is given the names of files in it whose names say that they are no dumps.

    Raises:
        InputError: The archive is damaged, or holds nothing that could be read.
    """
    if not source.is_lasting:
        return None
    with source.raw() as opened:
        try:
            first = opened.read(4)
        except OSError:  # told by whoever reads it
            return None
        if first not in _MAGICS:
            return None
        opened.seek(0)
        try:
            with zipfile.ZipFile(opened) as archive:
                infos = _infos(archive)
        except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError) as error:
            damage = InputError(
                f"{source.name} is a damaged ZIP archive or workbook ({error}); fetch it again."
            )
            return _remains(source, list(remnants(opened)), damage=damage, passed_over=passed_over)
    if not _DOCUMENT.isdisjoint(infos):
        return None
    dumps, others = sifted(filter(_is_shown, sorted(infos)))
    passed_over += (f"{source.name}/{name}" for name in others)
    names = comments_among(dumps)
    if not names:
        known = " ".join(sorted(SUFFIXES))
        raise InputError(
            f"The archive {source.name} holds no file to read; expected one that ends in {known}."
        )
    return [_member(source, infos[name], name=f"{source.name}/{name}") for name in names]


def _infos(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the files of an archive by name; a name that comes again stands in a folder of its number."""
    found: dict[str, zipfile.ZipInfo] = {}
    for each in archive.infolist():
        own = (
            each.filename or "unnamed"
        )  # damage can leave a name of no letters, which is_dir of 3.11 breaks at
        name, number = own, 1
        while name in found:
            number += 1
            name = f"{number}/{own}"
        if not own.endswith("/"):
            found[name] = each
    return found


def _remains(
    source: Source, found: Sequence[Remnant], *, damage: InputError, passed_over: list[str]
) -> list[Source]:
    """Return the dumps in what is left of an archive, and a source that cannot be read for what is not."""
    names, others = map(frozenset, sifted(each.name for each in found if _is_shown(each.name)))
    dumps = [each for each in found if each.name in names]
    if not dumps or not _DOCUMENT.isdisjoint(each.name for each in found):
        raise damage

    def open_remnant(remnant: Remnant) -> BinaryIO:
        return cast(BinaryIO, RemnantFile(source.raw(), remnant))

    passed_over += (f"{source.name}/{each.name}" for each in found if each.name in others)
    kept = [
        Source(
            None,
            name=f"{source.name}/{each.name}",
            found=True,
            opener=partial(open_remnant, each),
            is_guess=not has_suffix(each.name),
            archive=source,
        )
        for each in dumps
    ]
    return [*kept, refusing(damage, name=source.name, archive=source)]


def _is_shown(name: str) -> bool:
    # Nothing is written where a name leads: "../a.csv" is a name like others.
    parts = PurePosixPath(name).parts
    return (
        bool(parts)
        and name[-1] != "/"
        and not any(part.startswith((".", "__MACOSX")) and part not in ("..", ".") for part in parts)
    )


def _member(source: Source, info: zipfile.ZipInfo, *, name: str) -> Source:
    if info.flag_bits & _ENCRYPTED:
        locked = InputError(f"{name} is locked with a password; unpack the archive first.")
        return refusing(locked, name=name, n_bytes=info.file_size, archive=source)
    return Source(
        None,
        name=name,
        found=True,
        opener=partial(_open, source, info),
        n_bytes=info.file_size,
        is_guess=not has_suffix(name),
        version=f"crc32:{info.CRC:08x}",
        archive=source,
    )


def _open(source: Source, info: zipfile.ZipInfo) -> BinaryIO:
    return cast(BinaryIO, _Member(source, info))


class _Member(io.RawIOBase):
    """A pass over a file in an archive; whatever is wrong with it is an OSError, as with a bad disk."""

    def __init__(self, source: Source, info: zipfile.ZipInfo) -> None:
        self._raw = source.raw()
        try:
            self._file = zipfile.ZipFile(self._raw).open(info)  # noqa: SIM115  # closed with the bytes below
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
            self._raw.close()
            raise OSError(str(error)) from error

    def readable(self) -> bool:
        return True

    def read(self, n: int = -1, /) -> bytes:
        try:
            return self._file.read(n)
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise OSError(f"the archive is damaged ({error})") from error

    def close(self) -> None:
        self._raw.close()
        super().close()
