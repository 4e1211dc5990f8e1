from __future__ import annotations

import hashlib
import hmac
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.errors import UsageError
from plaudit.service import keys
from plaudit.service.keys import KeyHash, KeyRing, find, generate, parse

NAMES = st.from_regex(r"\A[A-Za-z0-9._-]{1,64}\Z")


def line_of(key: str, *, name: str = "audit") -> str:
    return f"{name}:{hashlib.sha256(key.encode()).hexdigest()}"


@given(name=NAMES)
def test_a_new_key_is_found_by_its_line(name):
    key, known = generate(name)
    assert key.startswith("plaudit_")
    assert len(key) > 40
    assert key not in str(known)
    assert parse(str(known), source="x") == [known]
    assert KeyRing(str(known)).find(key.encode()) == name


def test_every_new_key_is_another():
    assert len({generate("a")[0] for _ in range(100)}) == 100


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a,b", "é", "x" * 65, "a\n", "../a"])
def test_names_are_plain(name):
    with pytest.raises(UsageError, match="is no name for a key"):
        generate(name)


def test_entries_stand_between_commas_or_on_lines():
    text = f"# ours\n{line_of('a')}, {line_of('b', name='web')}\n\n  {line_of('c')}  # until May\n".replace(
        "\n", "\r\n"
    )
    assert [known.name for known in parse(text, source="x")] == ["audit", "web", "audit"]
    assert parse("", source="x") == []
    assert parse(line_of("a").upper().replace("AUDIT", "audit"), source="x") == parse(
        line_of("a"), source="x"
    )


@pytest.mark.parametrize(
    "entry",
    ["secret-key", "a:secret-key", ":" + "0" * 64, "a:" + "0" * 63, "a b:" + "0" * 64, "a:" + "0" * 65],
)
def test_an_entry_that_is_no_key_is_named_by_number_and_not_quoted(entry):
    with pytest.raises(
        UsageError, match=r"^Entry 2 of PLAUDIT_API_KEYS is no key, expected NAME:HASH"
    ) as caught:
        KeyRing(f"{line_of('a')},{entry}")
    assert "secret" not in str(caught.value)
    assert "0000" not in str(caught.value)


@given(key=st.binary(max_size=80))
def test_no_other_key_is_found(key):
    ring = KeyRing(",".join([line_of("right"), line_of("other", name="web")]))
    assert ring.find(key) == {b"right": "audit", b"other": "web"}.get(key)


@pytest.mark.parametrize("place", [0, 50, 99, None])
def test_every_key_is_compared_whichever_fits(monkeypatch, place):
    n_compared = 0

    def compare(one: bytes, other: bytes) -> bool:
        nonlocal n_compared
        n_compared += 1
        assert len(one) == len(other) == 32
        return hmac.compare_digest(one, other)

    known = [KeyHash(name=str(i), digest=hashlib.sha256(str(i).encode()).digest()) for i in range(100)]

    class Counting:
        compare_digest = staticmethod(compare)

    monkeypatch.setattr(keys, "hmac", Counting)
    assert find(str(place).encode(), known) == (None if place is None else str(place))
    assert n_compared == 100


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "keys"
    path.write_text(f"{line_of('one')}\n{line_of('two', name='web')}\n")
    return path


def test_a_key_is_revoked_by_taking_its_line_out(file):
    ring = KeyRing(line_of("given", name="env"), file=file)
    assert [ring.find(key) for key in (b"one", b"two", b"given")] == ["audit", "web", "env"]
    file.write_text(f"{line_of('two', name='web')}\n")
    assert [ring.find(key) for key in (b"one", b"two", b"given")] == [None, "web", "env"]
    file.write_text(f"{line_of('new', name='web')}\n")  # as long as before, and maybe in the same tick
    assert [ring.find(key) for key in (b"two", b"new")] == [None, "web"]


def test_a_file_that_rests_is_not_read_again(file, monkeypatch):
    os.utime(file, (1, 1))
    ring = KeyRing(file=file)
    monkeypatch.setattr(KeyRing, "_read", lambda *_: pytest.fail("read again"))
    assert ring.find(b"one") == "audit"


def test_a_file_replaced_by_another_is_read(file, tmp_path):
    os.utime(file, (1, 1))
    ring = KeyRing(file=file)
    other = tmp_path / "other"
    other.write_text(file.read_text().replace(line_of("one"), line_of("six")))
    os.utime(other, (1, 1))
    other.replace(file)
    assert (ring.find(b"one"), ring.find(b"six")) == (None, "audit")


def test_a_slip_in_one_line_keeps_no_revoked_key_alive(file, caplog):
    ring = KeyRing(file=file)
    file.write_text(f"secret-slip\n{line_of('two', name='web')}\n")
    assert (ring.find(b"one"), ring.find(b"two")) == (None, "web")
    assert "are no keys" in caplog.text
    assert "secret" not in str([record.__dict__ for record in caplog.records])


def test_a_file_that_is_gone_lets_nobody_in(file):
    ring = KeyRing(file=file)
    text = file.read_text()
    file.unlink()
    with pytest.raises(
        UsageError, match=r"can't be read \(No such file or directory\): correct PLAUDIT_API_KEYS_FILE"
    ):
        ring.find(b"one")
    file.write_text(text)
    assert ring.find(b"one") == "audit"


def test_a_file_is_read_at_the_start(tmp_path):
    with pytest.raises(UsageError, match="No such file"):
        KeyRing(file=tmp_path / "none")
    with pytest.raises(UsageError, match="Is a directory"):
        KeyRing(file=tmp_path)
    (tmp_path / "bad").write_bytes(b"\xff")
    with pytest.raises(UsageError, match="no UTF-8"):
        KeyRing(file=tmp_path / "bad")
    (tmp_path / "slip").write_text("hello")
    with pytest.raises(UsageError, match=r"Entry 1 of .*slip is no key"):
        KeyRing(file=tmp_path / "slip")


def test_an_empty_file_lets_nobody_in(tmp_path):
    (tmp_path / "keys").write_text("# none yet\n")
    assert KeyRing(file=tmp_path / "keys").find(b"") is None
