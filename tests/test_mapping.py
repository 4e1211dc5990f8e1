from __future__ import annotations

import pytest

from plaudit.errors import MappingError
from plaudit.service.mapping import columns_of


@pytest.mark.parametrize(
    ("pairs", "columns"),
    [
        ((), {}),
        (("text=body",), {"text": "body"}),
        (("text=body,author=who",), {"text": "body", "author": "who"}),
        (("text=body", "author = Who wrote"), {"text": "body", "author": "Who wrote"}),
        (("text=Comment, full,id=Nr.",), {"text": "Comment, full", "id": "Nr."}),
        (("text=a=b",), {"text": "a=b"}),
    ],
)
def test_pairs_name_columns(pairs, columns):
    assert columns_of(pairs) == columns


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        (("body",), "NAME=COLUMN"),
        (("text=",), "NAME=COLUMN"),
        (("=body",), "NAME=COLUMN"),
        (("",), "NAME=COLUMN"),
        (("body=text",), "no field of a comment; fields are id, text,"),
        (("text=a,text=b",), "two columns"),
    ],
)
def test_a_wrong_map_says_what_was_expected(pairs, said):
    with pytest.raises(MappingError, match=said):
        columns_of(pairs)
