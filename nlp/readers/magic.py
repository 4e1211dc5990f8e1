"""How tables in files of their own kind begin."""

from __future__ import annotations

from typing import Final

PARQUET_MAGIC: Final = b"PAR1"
ARROW_MAGIC: Final = b"ARROW1"
ARROW_STREAM: Final = b"\xff\xff\xff\xff"
"""How an Arrow stream begins, which has no magic of its own (Hugging Face's `.arrow` files are such)."""
