"""Makes `nlp/lookalikes.toml` from Unicode's data: `python -m plaudit.training.lookalikes confusables.txt`.

Unicode Technical Standard 39 groups characters that are drawn alike. Each letter of a group that holds a
letter from a to z is written down with that letter. Letters that Unicode turns into plain ones by itself
(mathematical alphabets, full width) are left out: `plaudit.text` has them from there.
"""

from __future__ import annotations

import sys
import unicodedata
from collections import defaultdict
from pathlib import Path
from typing import Final

_PLAIN: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_SMALL_CAPITAL: Final = "LATIN LETTER SMALL CAPITAL "

Groups = dict[str, frozenset[str]]


def groups(confusables: str) -> Groups:
    """Return the group of each single character of a `confusables.txt`: itself and all drawn like it."""
    members: dict[str, set[str]] = defaultdict(set)
    for line in confusables.splitlines():
        fields = line.partition("#")[0].split(";")
        if len(fields) < 2:
            continue
        source, target = ("".join(chr(int(code, 16)) for code in field.split()) for field in fields[:2])
        if len(source) == len(target) == 1:
            members[target] |= {source, target}
    return {letter: frozenset(group) for group in members.values() for letter in group}


def table(found: Groups) -> dict[str, str]:
    """Return the plain letter of each look-alike."""
    plain = {letter: _plain(letter, group) for letter, group in found.items() if _is_foreign(letter)}
    for letter, group in found.items():
        if letter in plain and not plain[letter]:
            plain[letter] = _by_capital(group, plain)
    return {letter: latin for letter, latin in sorted(plain.items()) if latin}


def _is_foreign(letter: str) -> bool:
    composed = unicodedata.normalize("NFKC", letter)
    return letter.isalpha() and not letter.isascii() and composed == letter


def _plain(letter: str, group: frozenset[str]) -> str:
    known = sorted(set(_PLAIN) & group)
    same_case = [each for each in known if each.isupper() == letter.isupper()]
    if known:
        return (same_case or known)[0]
    for other in sorted(group):
        name = unicodedata.name(other, "")
        if name.startswith(_SMALL_CAPITAL) and len(name) == len(_SMALL_CAPITAL) + 1:
            return name[-1].lower()
    return ""


def _by_capital(group: frozenset[str], plain: dict[str, str]) -> str:
    # Ь is in the group of b though a capital: then ь is drawn like a b as well.
    found = {plain.get(other.upper(), "") for other in group}
    return min((latin for latin in found if latin.islower()), default="")


def main(path: str) -> None:
    """Print the table of a `confusables.txt`, one line a script."""
    scripts: dict[str, list[str]] = defaultdict(list)
    for letter, latin in table(groups(Path(path).read_text("utf-8-sig"))).items():
        scripts[unicodedata.name(letter).split()[0].lower()].append(letter + latin)
    for script in sorted(scripts):
        print(f'{script} = "{" ".join(scripts[script])}"')


if __name__ == "__main__":
    main(sys.argv[1])
