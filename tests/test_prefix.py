"""A proxy in front that puts the service below a path of its own."""

from __future__ import annotations

import pytest

from plaudit.errors import UsageError
from plaudit.service.keys import generate
from plaudit.service.settings import load_settings
from tests.http import JSON, serving

ONE = {"comments": [{"id": "1", "text": "Is it?"}]}
LINES = b'{"text": "Is it?", "author": "a"}\n' * 3


@pytest.fixture(params=["/plaudit", "/team/plaudit"])
def prefix(request):
    return request.param


@pytest.mark.parametrize("keeps", [True, False], ids=["kept", "taken away"])
def test_links_redirects_and_the_document_are_right_outside(prefix, keeps, tmp_path):
    inside = prefix if keeps else ""
    with serving(root_path=prefix, data_dir=tmp_path) as client:
        assert client.post(f"{inside}/v1/classify", json=ONE).status_code == 200
        sent = client.post(f"{inside}/v1/dumps", content=LINES)
        path = f"{prefix}/v1/dumps/{sent.json()['id']}"
        assert sent.headers["location"] == path
        inner = path if keeps else path.removeprefix(prefix)
        done = client.post(f"{inside}/v1/dumps?wait=25", content=LINES)
        assert (done.status_code, done.headers["location"].startswith(f"{prefix}/v1/dumps/")) == (200, True)
        links = client.get(f"{inside}/v1/dumps").json()["dumps"][0]["links"]
        assert links["report"].startswith(f"{prefix}/v1/dumps/")
        assert client.get(inner).json()["id"] == sent.json()["id"]
        assert client.get(f"{inside}/v1/dumps/", follow_redirects=False).status_code == 404
        assert client.get(f"{inside}/openapi.json").json()["servers"] == [{"url": prefix}]
        assert client.get(f"{inside}/docs/assets/swagger-ui.css").status_code == 200
        assert client.get(f"{inside}/").status_code == 200
        front = client.get(prefix, follow_redirects=False)
        assert (front.status_code, front.headers["location"]) == (308, f"{prefix}/")
        assert client.post(f"{inside}/", data={"text": "x"}).status_code == 200
        wrong = client.put(f"{inside}/v1/classify")
        assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
        counted = client.get(f"{inside}/metrics").text
        assert 'plaudit_requests_total{method="POST",route="/v1/classify",status="200"} 1.0' in counted


def test_keys_and_limits_hold_below_the_prefix():
    _, line = generate("one")
    with serving(root_path="/plaudit", api_keys=str(line), max_body_bytes=1024) as client:
        for inside in ("", "/plaudit"):
            assert client.post(f"{inside}/v1/classify", json=ONE).status_code == 401
            assert client.get(f"{inside}/docs").status_code == 200
            assert client.post(f"{inside}/v1/classify", content=b" " * 2000, headers=JSON).status_code == 413


@pytest.mark.parametrize(
    "path", ["plaudit", "/plaudit/", "/", "//x", "/a b", "/v1", "/docs/x", "https://a.example/x"]
)
def test_what_is_no_prefix_is_refused_in_one_sentence(path):
    with pytest.raises(UsageError, match=r"root_path .* expected a path such as /plaudit, without a slash"):
        load_settings(root_path=path)
