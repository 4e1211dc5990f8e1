"""What holds for every test, and what those of several files ask for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

# A property is no clock: on a busy machine an example may take any time.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture
def memory() -> Iterator[Any]:
    """Lend a store that lives in memory, empty."""
    fsspec = pytest.importorskip("fsspec", reason="the extra [remote] is not installed")
    filesystem = fsspec.filesystem("memory")
    filesystem.store.clear()
    filesystem.pseudo_dirs[:] = [""]
    yield filesystem
    filesystem.store.clear()
