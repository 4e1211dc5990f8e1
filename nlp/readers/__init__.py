"""Readers: any dump of comments, as batches of columns and rejections."""

from plaudit.readers.format import Format
from plaudit.readers.inspection import Seen, inspect
from plaudit.readers.options import ReadOptions
from plaudit.readers.reading import detect, read, read_records
from plaudit.readers.registry import FORMATS
from plaudit.readers.source import listing_of, sources_of

__all__ = [
    "FORMATS",
    "Format",
    "ReadOptions",
    "Seen",
    "detect",
    "inspect",
    "listing_of",
    "read",
    "read_records",
    "sources_of",
]
