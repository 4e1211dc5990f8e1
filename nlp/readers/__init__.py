"""Readers: any dump of comments, as batches of columns and rejections."""

from plaudit.readers.format import Format
from plaudit.readers.inspection import Seen, inspect
from plaudit.readers.options import ReadOptions
from plaudit.readers.reading import detect, read, read_records
from plaudit.readers.registry import FORMATS

__all__ = ["FORMATS", "Format", "ReadOptions", "Seen", "detect", "inspect", "read", "read_records"]
