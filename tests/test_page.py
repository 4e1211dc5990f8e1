"""The page over HTTP: whole without a script, closed to strangers' markup, silent towards other hosts."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import json
import re
import tracemalloc
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote_from_bytes, unquote_plus

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from plaudit.report import group_file
from plaudit.report.envelope import Report
from plaudit.service import page_view, submission
from plaudit.service.keys import generate
from plaudit.service.page_view import _environment
from plaudit.service.submission import Submission
from tests.http import serving

EXAMPLE = Path(__file__).parent.parent / "examples" / "ceramics_channel.ndjson"
HTML = {"Accept": "text/html,application/xhtml+xml"}
SCRIPTED = {"Accept": "text/html, application/problem+json"}
EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&</textarea>"


def test_a_page_carries_no_json_of_more_groups_than_memory_holds(client, monkeypatch):
    monkeypatch.setitem(group_file.in_order.__kwdefaults__, "most", 3)
    rows = "\n".join(json.dumps({"text": "Which glue?", "post_id": f"p{i}"}) for i in range(5))
    page = sent(client, rows, by="post").text
    assert "data:application/json" not in page
    assert "in 5 groups" in page
    assert "POST /v1/index" in page


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with serving() as client:
        yield client


def sent(client: TestClient, text: str = "", *, files: object = None, headers: object = HTML, **fields: str):
    # `files` makes it a multipart form, as the page's own is
    return client.post(
        "/", data={"text": text, **fields}, files=files or {"file": ("", b"")}, headers=headers
    )


def policy_of(response) -> dict[str, str]:
    return dict(part.split(" ", 1) for part in response.headers["content-security-policy"].split("; "))


def report_in(page: str) -> dict:
    found = re.search(r'href="data:application/json;base64,([^"]+)" download="report.json"', page)
    assert found
    return json.loads(base64.b64decode(found[1]))


def handlers_in(page: str) -> list[str]:
    found: list[str] = []

    class Parser(HTMLParser):
        def handle_starttag(self, tag, attrs):
            found.extend(name for name, _ in attrs if name.startswith("on"))

    Parser().feed(page)
    return found


def test_the_front_page_is_a_form_that_needs_no_script(client):
    page = client.get("/").text
    assert re.search(r'<form id="ask" method="post" action="./" enctype="multipart/form-data"', page)
    assert '<button type="submit"' in page
    for name in ("text", "file", "creator", "platform", "by"):
        assert re.search(rf'<(?:textarea|input|select) id="{name}" name="{name}"', page)
        assert f'<label for="{name}">' in page
    assert 'name="key"' not in page


def test_every_control_has_a_label_and_every_id_is_there_once(client):
    for page in (client.get("/").text, sent(client, EXAMPLE.read_text("utf-8")).text):
        ids = re.findall(r'\bid="([^"]+)"', page)
        assert len(ids) == len(set(ids))
        labels = set(re.findall(r'<label for="([^"]+)"', page))
        controls = re.findall(r"<(?:input|select|textarea|progress) id=\"([^\"]+)\"", page)
        assert set(controls) <= labels
        for names in re.findall(r'aria-(?:describedby|labelledby)="([^"]+)"', page):
            assert set(names.split()) <= set(ids)
        for target in re.findall(r'href="#([^"]+)"', page):
            assert target in ids


def test_pasted_lines_come_back_as_a_report(client):
    response = sent(client, "which lens is that?\r\ngreat!!\r\nI built mine from an old door.")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert "3 of 3 comments scored" in response.text
    assert "Why there is no number" in response.text
    for text, label in (("which lens is that?", "Question"), ("great!!", "Generic praise")):
        assert re.search(rf"<q dir=\"auto\">{re.escape(text)}</q>.*?<b>{label}</b>", response.text, re.S)


def test_a_plain_form_is_taken_too(client):
    response = client.post("/", data={"text": "is it?"}, headers=HTML)
    assert response.status_code == 200
    assert "1 of 1 comments scored" in response.text


def test_a_dump_gives_the_same_report_as_the_endpoint(client):
    comments = [json.loads(line) for line in _example(client)]
    page = sent(client, "\n".join(map(json.dumps, comments)), platform="youtube").text
    report = client.post("/v1/index", json={"comments": comments, "platform": "youtube"}).json()
    assert report_in(page) == report
    assert report["index"] is not None
    assert f"<b>{report['index']['value']:.0f}</b>" in page


def _example(client) -> list[str]:
    page = client.get("/?example").text
    text = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", page, re.S)
    assert text
    return text[1].replace("&#34;", '"').replace("&#39;", "'").replace("&amp;", "&").splitlines()


def test_a_file_gives_numbers_signals_course_and_comments(client):
    files = {"file": ("ceramics.ndjson.gz", gzip.compress(EXAMPLE.read_bytes()))}
    page = sent(client, files=files, creator="UCexampleOddKilnOut00000", by="post").text
    for part in ("numbers", "labels", "course", "movers", "signals", "coverage", "comments", "groups"):
        assert f'<section id="{part}"' in page
    assert '<bdi class="name">ceramics.ndjson.gz</bdi>' in page
    assert 'class="gauge authenticity"' in page
    assert 'class="gauge community_depth"' in page
    assert "that shows it" in page or "that show it" in page
    assert "creator</span>" in page


def test_what_strangers_write_is_text(client):
    record = json.dumps({"text": EVIL, "id": EVIL, "author": EVIL})
    for page in (
        sent(client, record).text,
        sent(client, EVIL, creator=EVIL).text,
        sent(client, files={"file": (EVIL + ".csv", b"nothing\nhere\n")}).text,
        sent(client, "x", platform=EVIL).text,
    ):
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert page.count("<script>") == 1
        assert page.count("</textarea>") == 1
        assert handlers_in(page) == []


def test_marks_that_turn_writing_round_are_replaced(client):
    page = sent(client, "price \u202e001 and \x07 bell").text
    assert "\u202e" not in page
    assert "\x07" not in page


@pytest.mark.parametrize("path", ["/", "/?example"])
def test_the_policy_lets_nothing_in_but_the_page_s_own(client, path):
    response = client.get(path)
    policy = policy_of(response)
    for tag, name in (("script", "script-src"), ("style", "style-src")):
        (source,) = re.findall(rf"<{tag}>(.*?)</{tag}>", response.text, re.S)
        digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
        assert policy[name] == f"'sha256-{digest}'"
    assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert policy["connect-src"] == policy["form-action"] == "'self'"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert response.headers["x-content-type-options"] == "nosniff"


def test_a_report_has_the_same_policy_as_the_form(client):
    assert policy_of(sent(client, "one")) == policy_of(client.get("/"))


def test_no_other_host_is_named(client):
    for page in (client.get("/").text, sent(client, "one").text, client.get("/docs").text):
        hosts = set(re.findall(r"""(?:src|href|action|url\()=?["'(]?((?:https?:)?//[^"') ]+)""", page))
        assert hosts == set()
        assert not re.search(
            r"https?://(?!www\.w3\.org/2000/svg)", re.sub(r"<textarea.*?</textarea>", "", page)
        )


def test_docs_are_served_from_here_alone(client):
    response = client.get("/docs")
    policy = policy_of(response)
    script = re.findall(r"<script>(.*?)</script>", response.text, re.S)[0]
    assert base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() in policy["script-src"]
    assert "validatorUrl: null" in script
    for asset in re.findall(r'(?:src|href)="(docs/assets/[^"]+)"', response.text):
        assert client.get(f"/{asset}").status_code == 200


@pytest.mark.parametrize(
    ("given", "status", "words"),
    [
        ({"text": ""}, 422, "There is nothing to score yet"),
        ({"text": " \r\n\t"}, 422, "There is nothing to score yet"),
        ({"text": "a", "platform": "myspace"}, 422, "There is no platform"),
        ({"text": "a", "by": "week"}, 422, "only posts and creators"),
        ({"files": {"file": ("a.pdf", b"%PDF-1.7 and so on")}}, 422, "a.pdf is a PDF document"),
        ({"files": {"file": ("a.csv", b"colour,size\nred,1\n")}}, 422, "no column that is known to hold"),
        ({"text": "<html><body>hello"}, 422, "The pasted text is a web page"),
    ],
)
def test_an_error_is_said_in_place(client, given, status, words):
    response = sent(client, **given)
    assert response.status_code == status
    assert response.headers["content-type"].startswith("text/html")
    alert = re.search(r'<div id="problem"[^>]*role="alert"[^>]*>(.*?)</div>', response.text, re.S)
    assert alert
    assert words in alert[1]
    assert response.headers["x-request-id"] in alert[1]
    assert '<details id="asking" class="card" open>' in response.text


def test_what_was_entered_stays_where_there_is_an_error(client):
    page = sent(client, "keep <me>", platform="myspace", creator="anna").text
    assert "keep &lt;me&gt;</textarea>" in page
    assert 'value="anna"' in page


def test_a_script_gets_the_problem_itself(client):
    response = sent(client, "", headers=SCRIPTED)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["title"]


def test_no_form_is_refused(client):
    response = client.post("/", json={"text": "a"}, headers=HTML)
    assert response.status_code == 400
    assert "expected a form" in response.text


@pytest.mark.parametrize(
    "body", [b"", b"--x\r\nnonsense", b"--x\r\nContent-Disposition: form-data\r\n\r\n\r\n--x--"]
)
def test_a_broken_form_is_no_fault_of_ours(client, body):
    headers = {**HTML, "Content-Type": "multipart/form-data; boundary=x"}
    response = client.post("/", content=body, headers=headers)
    assert response.status_code in (400, 422)
    assert 'role="alert"' in response.text
    assert ".." not in client.post("/", content=body, headers={**headers, **SCRIPTED}).json()["detail"]


def test_limits_are_told_and_kept():
    with serving(max_body_bytes=4096, max_comments=5) as client:
        assert "Up to 4 kB and 5 comments" in client.get("/").text
        long = sent(client, "x" * 5000)
        assert long.status_code == 413
        assert "longer than 4,096 bytes" in long.text
        n_before = client.app.state.engine.classifier.n_seen
        many = sent(client, "\n".join("abcdef"))
        assert many.status_code == 413
        assert client.app.state.engine.classifier.n_seen == n_before
        assert "more than 5 comments" in many.text
        assert sent(client, "\n".join("abcde")).status_code == 200


def test_a_text_may_take_all_of_the_body(client):
    line = "The jig held for the whole afternoon. " * 40
    response = sent(client, "\n".join(f"{i} {line}" for i in range(1200)))  # a part of 1.8 MB
    assert "1,200 of 1,200 comments scored" in response.text
    assert response.text.count('<tr role="row" data-label=') == 500
    assert "the first 500 of 1,200" in response.text


def test_a_bomb_is_refused_before_it_is_read(client):
    bomb = gzip.compress(b"0\n" * (40 << 20))
    response = sent(client, files={"file": ("a.txt.gz", bomb)})
    assert response.status_code == 422
    assert "times its size" in response.text


def test_nothing_is_left_on_the_disk(client, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    sent(client, "a comment")
    sent(client, files={"file": ("a.pdf", b"%PDF-1.7")})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "C:\\temp\\x.csv", ".hidden", "", "a\x00b\n.txt", "é" * 300, "𝐚" * 300]
)
def test_a_file_s_name_names_no_path(client, name):
    class File:
        filename = name

    path = Submission(asked=None, file=File()).name
    assert path
    assert not set(path) & set("/\\\0\n")
    assert not path.startswith(".")
    assert len(path) <= 100
    assert len(path.encode()) <= 255  # what a disk takes


@pytest.mark.parametrize("sent_as", ["a text", "a file", "a large file"])
def test_a_disk_that_takes_nothing_is_told_of_and_is_nobody_s_fault_here(
    client, tmp_path, monkeypatch, sent_as
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    file = {"file": ("a.txt", b"why so?\n" * (200_000 if sent_as == "a large file" else 1))}
    response = sent(client, "why so?", files=None if sent_as == "a text" else file, headers=SCRIPTED)
    assert response.status_code == 503
    assert response.json()["type"] == "urn:plaudit:problem:storage-unavailable"
    assert "No such file or directory" in response.json()["detail"]
    assert response.headers["retry-after"]
    assert str(tmp_path) not in response.text


@pytest.mark.parametrize("fields", [{"text": "one\ntwo"}, {"text": "one", "platform": "myspace"}])
def test_a_page_that_shows_what_was_sent_is_written_beside_the_event_loop(client, monkeypatch, fields):
    beside, page_of = [], page_view.page

    def seen(*arguments, **named):
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            beside.append(True)
        return page_of(*arguments, **named)

    monkeypatch.setattr("plaudit.service.page.page", seen)
    monkeypatch.setattr("plaudit.service.page_door.page", seen)
    assert sent(client, **fields).status_code in (200, 422)
    assert beside == [True]


@given(st.binary(max_size=30), st.integers(0, 7))
def test_escapes_mean_what_they_mean_elsewhere_wherever_a_piece_ends(content, n_before):
    escaped = b"x" * n_before + quote_from_bytes(content, safe="").encode() + b"%"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(submission, "_PIECE", 4)
        assert submission._unescaped(escaped) == unquote_plus(escaped.decode())


def test_a_form_of_escapes_takes_no_more_memory_than_another():
    body = b"text=" + b"%41" * 700_000
    tracemalloc.start()
    try:
        assert submission._pairs(body) == [("text", "A" * 700_000)]
        assert tracemalloc.get_traced_memory()[1] < 8 * len(body)
    finally:
        tracemalloc.stop()


def test_a_plain_form_has_no_more_fields_than_another(client):
    response = client.post(
        "/", content=b"a=1&" * 30 + b"text=x", headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert response.status_code == 400
    assert response.json()["detail"] == "The form has more than 20 fields."


def test_a_keyed_service_takes_the_key_from_the_form():
    key, valid = generate("anna")
    with serving(api_keys=str(valid)) as client:
        page = client.get("/").text
        assert page.index('name="key"') < page.index('name="text"')
        refused = client.post("/", data={"text": "hello"}, files={"file": ("", b"")}, headers=HTML)
        assert refused.status_code == 401
        assert "This needs a valid API key" in refused.text
        form = {"key": key, "text": "hello"}
        taken = client.post("/", data=form, files={"file": ("", b"")}, headers=HTML)
        assert taken.status_code == 200
        assert key not in taken.text
        with_header = client.post("/", data={"text": "a"}, headers={**HTML, "X-API-Key": key})
        assert with_header.status_code == 200
        assert client.post("/", data={"text": key}, headers=HTML).status_code == 401


def test_the_page_counts_against_the_quota():
    key, valid = generate("anna")
    with serving(api_keys=str(valid), quota_per_day=3) as client:
        headers = {**HTML, "X-API-Key": key}
        assert client.post("/", data={"text": "a\nb\nc"}, headers=headers).status_code == 200
        refused = client.post("/", data={"text": "d"}, headers=headers)
        assert refused.status_code == 429
        assert "quota" in refused.text


def test_what_does_not_fit_into_the_quota_costs_no_work_and_nothing_of_it():
    key, valid = generate("anna")
    with serving(api_keys=str(valid), quota_per_day=3) as client:
        headers = {**HTML, "X-API-Key": key}
        n_before = client.app.state.engine.classifier.n_seen
        assert client.post("/", data={"text": "a\nb\nc\nd"}, headers=headers).status_code == 413
        assert client.post("/", data={"text": "a\nb"}, headers=headers).headers["ratelimit-remaining"] == "1"
        refused = client.post("/", data={"text": "c\nd"}, headers=headers)
        assert (refused.status_code, refused.headers["ratelimit-remaining"]) == (429, "1")
        assert client.app.state.engine.classifier.n_seen == n_before + 2


def test_the_page_s_templates_need_no_markup_of_ours(client):
    assert _environment().autoescape is True


def test_the_report_behind_the_link_is_a_whole_one(client):
    found = report_in(sent(client, "one\ntwo").text)
    assert set(found) == set(Report.__dataclass_fields__)
