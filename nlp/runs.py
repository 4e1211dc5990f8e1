"""Hashes of the words of cleaned texts, and of marks and emoji where they are wanted, in whole arrays."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_SHIFT: Final = np.uint64(32)

_N_IN_TABLE: Final = 0x10000
_FIRST_EMOJI: Final = 0x1F000
_TONES: Final = (0x1F3FB, 0x1F3FF)  # of skin
_SELECTORS: Final = slice(0xFE00, 0xFE10)  # of how the sign before is drawn
_BREAK: Final = "\n"  # never inside a cleaned text
_NOTHING, _LETTER, _SIGN = 0, 1, 2


def runs_of(lines: Sequence[str], *, signs: bool) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Return the hash of each word of cleaned lines, end to end, and how many each line has.

    Case, apostrophes and anything repeated in a row make no difference; handles and links are left out.

    Args:
        lines: As `legible` leaves them.
        signs: Each mark and each emoji is one too, and digits are part of words; else only letters are.
    """
    text = "".join([line + _BREAK for line in lines]).replace("@user", " ").replace("http", " ")
    codes = np.frombuffer(text.casefold().encode("utf-32-le", "replace"), np.uint32)
    codes = codes[(codes != ord("'")) & (codes != ord("’"))]
    codes = codes[np.concatenate(([True], codes[1:] != codes[:-1])) | (codes == ord(_BREAK))]
    kinds = _kinds(signs)[np.minimum(codes, _N_IN_TABLE)]
    kinds[(codes >= _N_IN_TABLE) & (codes < _FIRST_EMOJI)] = _LETTER
    kinds[(codes >= _TONES[0]) & (codes <= _TONES[1])] = _NOTHING
    at = np.flatnonzero(kinds)
    is_letter = kinds[at] == _LETTER
    goes_on = np.zeros(len(at), bool)
    goes_on[1:] = is_letter[1:] & is_letter[:-1] & (np.diff(at) == 1)
    starts = np.flatnonzero(~goes_on)
    if not len(starts):
        return np.empty(0, np.uint64), np.zeros(len(lines), np.int64)
    place = np.arange(len(at)) - np.repeat(starts, np.diff(np.append(starts, len(at))))
    mixed = (codes[at].astype(np.uint64) + np.uint64(1)) * _GOLDEN
    mixed = (mixed ^ (mixed >> _SHIFT)) * (np.uint64(2) * place.astype(np.uint64) + np.uint64(1))
    line = np.cumsum(codes == ord(_BREAK))[at[starts]]
    return np.add.reduceat(mixed, starts), np.bincount(line, minlength=len(lines))


def mixed_with(state: NDArray[np.uint64], hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return what stands in a row, hashed one after the other: the state so far and the next."""
    mixed = (state ^ hashes) * _GOLDEN
    return mixed ^ (mixed >> _SHIFT)


@cache
def _kinds(signs: bool) -> NDArray[np.int8]:
    """Return what each code is; the last entry stands for all higher ones."""
    kinds = dict.fromkeys("LM", _LETTER) | (dict.fromkeys("PS", _SIGN) | {"N": _LETTER} if signs else {})
    found = [kinds.get(unicodedata.category(chr(code))[0], _NOTHING) for code in range(_N_IN_TABLE)]
    table = np.array([*found, _SIGN if signs else _NOTHING], np.int8)
    if signs:
        table[_SELECTORS] = _NOTHING
    return table
