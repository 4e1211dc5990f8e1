"""What schemathesis must be told about lines of JSON; see tests/test_app_schema.py."""

from __future__ import annotations

import json
from typing import Any

import schemathesis
from schemathesis.core.failures import AcceptedNegativeData

NDJSON = "application/x-ndjson"


@schemathesis.serializer(NDJSON)
def ndjson(_context: Any, value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else json.dumps(value).encode()


@schemathesis.hook
def filter_failure(_context: Any, failure: Any, case: Any, _response: Any) -> bool:
    """Keep every failure but one: that a stream was answered though its body is none of the schema's.

    A line that is no comment is an error in its place, so any bytes are a stream; what else was made wrong in
    the same case, such as a query, must still be refused.
    """
    if not isinstance(failure, AcceptedNegativeData) or case.media_type != NDJSON:
        return True
    wrong = [place.name for place, found in case.meta.components.items() if found.mode.is_negative]
    return wrong != ["BODY"]
