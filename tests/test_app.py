from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plaudit.items import EMPTY, results
from plaudit.pipeline import Context, answer
from plaudit.readers import ReadOptions, read_records
from plaudit.service.app import shared_out
from plaudit.service.lines import item_of
from tests.fakes import fake_pipeline
from tests.http import JSON, serving

COMMENTS = [
    {"id": "a", "text": "How do you keep the blade from drifting?", "author": "u1", "post_id": "p"},
    {
        "id": "b",
        "text": "Square to the fence, and a slow feed.",
        "author": "maker",
        "parent_id": "a",
        "post_id": "p",
    },
    {"id": "c", "text": "so cool", "author": "u2", "post_id": "p"},
    {"id": "d", "text": "My first bench wobbled until I planed the legs.", "author": "u3", "post_id": "p"},
]


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with serving() as client:
        yield client


def test_classify_answers_as_the_contract_says(client):
    response = client.post("/v1/classify", json={"comments": COMMENTS[:1]})
    assert response.status_code == 200
    assert response.json() == {
        "results": [
            {
                "id": "a",
                "label": "question",
                "probabilities": {"genuine": 0.02, "generic_praise": 0.02, "question": 0.96},
                "flags": {"experience": 0.0, "solicitation": 0.0, "addressed": 0.0},
                "language": "en",
                "supported": True,
                "truncated": False,
            }
        ],
        "model": {"id": "keyword-fake", "hash": "0" * 64, "answer": "exact"},
    }


def test_classify_gives_the_library_s_answers(client):
    texts = [comment["text"] for comment in COMMENTS]
    scores = fake_pipeline().classify(texts)
    results = client.post("/v1/classify", json={"comments": COMMENTS}).json()["results"]
    assert results == [answer(COMMENTS[row]["id"], scores, row) for row in range(len(texts))]


@pytest.mark.parametrize("text", ["", "  \n", None, "\u200b\ufeff", "\x00"])
def test_an_empty_text_is_an_error_in_its_place(client, text):
    comments = [{"text": "one"}, {"id": 7, "text": text}, {"text": "two"}]
    results = client.post("/v1/classify", json={"comments": comments}).json()["results"]
    assert results[1] == {"id": "7", "error": EMPTY}
    assert [result["id"] for result in results] == ["1", "7", "3"]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    comments=st.lists(
        st.fixed_dictionaries(
            {"text": st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)},
            optional={"id": st.none() | st.integers(-(10**18), 10**18) | st.text("ab1", max_size=3)},
        ),
        max_size=8,
    )
)
def test_order_and_ids_are_kept_whatever_is_sent(client, comments):
    response = client.post("/v1/classify", json={"comments": comments})
    ids = [result["id"] for result in response.json()["results"]]
    wanted = [c.get("id") for c in comments]
    assert ids == [
        str(i if given is None or given == "" else given) for i, given in enumerate(wanted, start=1)
    ]


def test_an_error_reads_as_on_the_command_line(client):
    response = client.post("/v1/classify", json={"comments": [{"text": " "}]})
    assert response.json()["results"] == list(results([item_of(b" ", number=1)], fake_pipeline()))


def test_nothing_to_classify_is_nothing_classified(client):
    assert client.post("/v1/classify", json={"comments": []}).json()["results"] == []


@pytest.mark.parametrize("name", ["text", "comment", "body", "content", "comment_text", "message"])
def test_a_text_may_have_the_names_that_tools_give_it(client, name):
    body = {"comments": [{"comment_id": "x", name: "Is it?"}]}
    result = client.post("/v1/classify", json=body).json()["results"][0]
    assert (result["id"], result["label"]) == ("x", "question")


def test_an_unreadable_language_is_marked_and_answered(client):
    result = client.post("/v1/classify", json={"comments": [{"text": "これは何"}]}).json()["results"][0]
    assert (result["language"], result["supported"]) == ("ja", False)
    assert result["label"] in result["probabilities"]


def test_index_is_the_same_report_as_the_library_s(client):
    body = {
        "comments": COMMENTS,
        "creator_id": "maker",
        "platform": "youtube",
        "posts": [{"id": "p", "text": "Setting up a bandsaw", "published_at": "2026-03-01"}],
        "follower_count": 900,
    }
    response = client.post("/v1/index", json=body)
    expected = fake_pipeline().score(
        read_records(COMMENTS, options=ReadOptions(creator="maker", platform="youtube")),
        context=Context(creator_id="maker", platform="youtube", posts={"p": "Setting up a bandsaw"}),
    )
    assert response.status_code == 200
    assert response.content == expected.to_json()


def test_index_counts_what_it_cannot_use(client):
    comments = [*COMMENTS, {"id": "e", "text": ""}, COMMENTS[0]]
    coverage = client.post("/v1/index", json={"comments": comments}).json()["coverage"]
    assert coverage["read"] == len(comments)
    assert coverage["scored"] == len(COMMENTS)
    assert coverage["rejected"] == {"empty_text": 1, "duplicate_id": 1}


def test_index_groups_when_asked(client):
    comments = [*COMMENTS, {"id": "z", "text": "Which glue?", "post_id": "q"}]
    groups = client.post("/v1/index", json={"comments": comments, "by": "post"}).json()["groups"]
    assert {group["key"] for group in groups} == {"p", "q"}
    assert client.post("/v1/index", json={"comments": comments}).json()["groups"] == []


@pytest.mark.parametrize("by", ["none", "post", "creator"])
def test_nothing_usable_is_a_report_without_numbers(client, by):
    response = client.post("/v1/index", json={"comments": [{"text": None}, {"text": " "}], "by": by})
    assert response.status_code == 200
    report = response.json()
    assert (report["index"], report["groups"]) == (None, [])
    assert report["reasons"]["authenticity"]
    assert sum(report["coverage"]["rejected"].values()) == report["coverage"]["read"] == 2


def test_the_same_request_gives_the_same_bytes(client):
    bodies = [client.post("/v1/index", json={"comments": COMMENTS}).content for _ in range(2)]
    assert bodies[0] == bodies[1]


def test_model_tells_labels_languages_and_limits(client):
    card = client.get("/v1/model").json()
    assert card["id"] == "keyword-fake"
    assert [label["name"] for label in card["labels"]] == ["genuine", "generic_praise", "question"]
    assert [flag["name"] for flag in card["flags"]] == ["experience", "solicitation", "addressed"]
    assert all(each["definition"] for each in card["labels"] + card["flags"])
    assert card["languages"] == ["en"]
    assert card["limits"] == {"max_body_bytes": 8 * 2**20, "max_comments": 10_000}


def test_policy_is_the_one_in_reports(client):
    policy = client.get("/v1/policy").json()
    report = client.post("/v1/index", json={"comments": COMMENTS}).json()
    assert report["policy"] == {"id": policy["id"], "hash": policy["hash"]}
    assert set(policy["signals"]) == {signal["name"] for signal in report["signals"]}


def test_health_and_front_page(client):
    assert client.get("/health/live").json() == {"status": "alive"}
    assert client.get("/health/ready").json() == {"status": "ready"}
    page = client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    for link in ("docs", "openapi.json", "v1/model", "v1/policy", "health/ready"):
        assert f'href="{link}"' in page.text
        assert client.get(f"/{link}").status_code == 200


@pytest.mark.parametrize(
    ("cores", "n_batches", "expected"),
    [(1, None, (1, 1)), (2, None, (2, 1)), (8, None, (4, 2)), (8, 1, (1, 8)), (2, 4, (4, 1))],
)
def test_batches_share_the_cores(cores, n_batches, expected):
    assert shared_out(cores, n_batches=n_batches) == expected


def test_a_content_type_may_have_a_charset(client):
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert client.post("/v1/classify", content=b'{"comments":[]}', headers=headers).status_code == 200
    assert client.post("/v1/classify", content=b'{"comments":[]}', headers=JSON).status_code == 200
