from __future__ import annotations

from plaudit.service.keys import KeyRing
from tests.commands import run as run


def test_a_key_is_shown_once_beside_its_line(run):
    done = run("key", "new", "audit")
    assert done.exit_code == 0
    key = done.stderr.split()[-1]
    assert key not in done.stdout
    assert KeyRing(done.stdout).find(key.encode()) == "audit"


def test_a_bad_name_is_one_sentence(run):
    done = run("key", "new", "a b")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("plaudit: The name 'a b' is no name for a key")
