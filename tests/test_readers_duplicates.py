from __future__ import annotations

import math

import numpy as np

from plaudit.readers.duplicates import SeenKeys


def test_files_stay_few_and_forget_nothing() -> None:
    """Each look-up costs a page of every file, so many small ones would make a long run slower and slower."""
    draw = np.random.default_rng(3)
    seen, known, most = SeenKeys(most=700), set(), 700
    for _ in range(60):
        keys = draw.integers(0, 1 << 63, 900, dtype=np.uint64) * np.uint64(2)
        keys[:200] = draw.choice(np.array(sorted(known), np.uint64), 200) if known else keys[:200]
        keys[-50:] = keys[:50]
        fresh = seen.add(keys)
        expected = []
        for key in keys.tolist():
            expected.append(key not in known)
            known.add(key)
        assert fresh.tolist() == expected
        assert len(seen) == len(known)
    assert len(known) > 40 * most
    assert 0 < len(seen._files) <= math.log2(len(known) / most) + 1
    assert sum(file.n_keys for file in seen._files) > 0.9 * len(known)
    assert not seen.add(np.array(sorted(known), np.uint64)).any()


def test_files_are_joined_in_pieces(monkeypatch) -> None:
    from plaudit.readers import duplicates

    monkeypatch.setattr(duplicates, "_JOINED_AT_ONCE", 2 * duplicates._PAGE)
    seen = SeenKeys(most=5_000)
    keys = np.random.default_rng(4).integers(0, 1 << 64, 60_000, dtype=np.uint64, endpoint=False)
    for start in range(0, 60_000, 3_000):
        assert seen.add(keys[start : start + 3_000]).all()
    assert len(seen._files) <= 5
    assert not seen.add(keys).any()
    edges = np.array([0, (1 << 64) - 1], np.uint64)
    assert seen.add(edges).all()
    assert not seen.add(edges).any()
