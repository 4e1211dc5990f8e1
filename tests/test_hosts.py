"""Browsers that are led to a service by another name, or by another site's page."""

from __future__ import annotations

import pytest

from plaudit.errors import UsageError
from plaudit.service.hosts import LOCAL, restricted
from plaudit.service.keys import generate
from plaudit.service.settings import Settings, load_settings
from tests.http import serving
from tests.servers import running
from tests.test_app_errors import problem

ONE = {"comments": [{"text": "Is it?"}]}
LINES = b'{"text": "Is it?", "author": "a"}\n'


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    given = Settings(data_dir=tmp_path_factory.mktemp("data"))
    with serving(**restricted(given).model_dump()) as client:
        yield client


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"host": "127.0.0.1"}, LOCAL),
        ({"host": "::1"}, LOCAL),
        ({"host": "localhost"}, LOCAL),
        ({"host": "0.0.0.0"}, None),
        ({"host": "10.1.2.3"}, None),
        ({"host": "127.0.0.1", "allowed_hosts": "a.example"}, "a.example"),
        ({"host": "127.0.0.1", "allowed_hosts": "*"}, "*"),
        ({"host": "127.0.0.1", "api_keys": str(generate("one")[1])}, None),
    ],
)
def test_only_what_listens_on_this_machine_without_keys_is_restricted_unasked(given, expected):
    assert restricted(Settings(**given)).allowed_hosts == expected


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:8000", "a.localhost", "127.0.0.1:8000", "[::1]:8000", "[::1]", "plaudit", ""],
)
def test_by_a_name_of_this_machine_it_is_asked(local, host):
    assert local.get("/v1/policy", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost.evil.example."]
)
@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/dumps"), ("POST", "/v1/classify"), ("GET", "/")])
def test_by_another_name_it_is_not(local, host, method, path):
    answer = local.request(method, path, headers={"Host": host})
    assert answer.status_code == 421
    found = problem(answer, "wrong-host")
    assert host.partition(":")[0].rstrip(".") in found["detail"]
    assert "PLAUDIT_ALLOWED_HOSTS" in found["hint"]


def test_health_is_told_to_probes_by_any_name(local):
    assert local.get("/health/ready", headers={"Host": "10-1-2-3.pods.example"}).status_code == 200


def test_names_that_are_listed_are_taken_and_no_others():
    with serving(allowed_hosts="a.example, B.example") as client:
        for host, status in {
            "a.example:80": 200,
            "b.example": 200,
            "c.example": 421,
            "localhost": 421,
        }.items():
            assert client.get("/v1/policy", headers={"Host": host}).status_code == status


def test_without_the_setting_any_name_is_taken():
    with serving() as client:
        assert client.get("/v1/policy", headers={"Host": "any.example"}).status_code == 200


FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "http://localhost:3000", "Sec-Fetch-Site": "same-site"},
    {"Origin": "http://localhost:3000"},
    {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Origin": "http://["},
    {"Origin": "*"},
]
OWN = [
    {},
    {"Origin": "http://localhost:8000"},
    {"Origin": "http://localhost:8000", "Sec-Fetch-Site": "same-origin"},
    {"Origin": "null", "Sec-Fetch-Site": "same-origin"},  # a form whose page tells no referrer
    {"Sec-Fetch-Site": "none"},
    {"Origin": "https://outside.example", "X-Forwarded-Host": "outside.example"},
]


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_page_of_another_site_writes_nothing(local, headers):
    headers = {"Host": "localhost:8000", **headers}
    problem(local.post("/v1/dumps", content=LINES, headers=headers), "foreign-origin")
    problem(local.post("/v1/classify", json=ONE, headers=headers), "foreign-origin")
    shown = local.post("/", data={"text": "x"}, headers={**headers, "Accept": "text/html"})
    assert shown.status_code == 403
    assert "Pages of other sites may not write here" in shown.text
    assert local.get("/v1/policy", headers=headers).status_code == 200  # which it can't read
    assert local.get("/v1/dumps", headers={"Host": "localhost:8000"}).json()["dumps"] == []


@pytest.mark.parametrize("headers", OWN)
def test_our_own_page_and_programs_write(local, headers):
    headers = {"Host": "localhost:8000", **headers}
    assert local.post("/v1/classify", json=ONE, headers=headers).status_code == 200
    assert local.post("/", data={"text": "x"}, headers=headers).status_code == 200


def test_where_a_browser_tells_nothing_the_form_is_taken_and_nothing_is_stored(local):
    headers = {"Host": "intranet", "Origin": "null"}
    assert local.post("/", data={"text": "x"}, headers=headers).status_code == 200
    problem(local.post("/v1/dumps", content=LINES, headers=headers), "foreign-origin")


def test_a_key_is_proof_enough_and_a_listed_site_may_write():
    key, line = generate("one")
    with serving(api_keys=str(line)) as client:
        headers = {**FOREIGN[1], "X-API-Key": key}
        assert client.post("/v1/classify", json=ONE, headers=headers).status_code == 200
    with serving(allowed_hosts="front.example,testserver") as client:
        assert (
            client.post("/v1/classify", json=ONE, headers={"Origin": "https://front.example"}).status_code
            == 200
        )


@pytest.mark.parametrize("names", ["https://a.example", "a.example:8000", "a b", "a.example,", "/"])
def test_what_is_no_name_is_refused_in_one_sentence(names):
    with pytest.raises(UsageError, match=r"allowed_hosts .* expected names such as comments\.example\.org"):
        load_settings(allowed_hosts=names)


def test_a_service_that_is_started_without_keys_is_restricted(tmp_path):
    with running(data_dir=tmp_path) as server:
        assert server.client.get("/v1/policy").status_code == 200
        problem(server.client.get("/v1/policy", headers={"Host": "evil.example"}), "wrong-host")
