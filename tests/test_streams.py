from __future__ import annotations

import json
import time
from contextlib import ExitStack

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plaudit import pipeline as pipelines
from plaudit.items import EMPTY
from plaudit.partition import gathered
from plaudit.service import callers, streams
from tests.http import serving
from tests.live import chunk, head, line, living, read_until
from tests.test_app_errors import problem
from tests.test_callers import stuck

NDJSON = {"Content-Type": "application/x-ndjson"}
COMMENTS = [
    {"id": f"c{i}", "text": text, "author": f"u{i % 9}", "post_id": f"p{i % 2}"}
    for i, text in enumerate(
        ["How long did it dry?", "so cool", "My first bench wobbled.", "Which glue?"] * 150
    )
]


@pytest.fixture(scope="module")
def client():
    with serving(max_body_bytes=2048) as client:
        yield client


def lines_of(comments) -> bytes:
    return b"".join(json.dumps(comment).encode() + b"\n" for comment in comments)


def answers_of(response) -> list[dict]:
    assert response.status_code == 200
    return [json.loads(each) for each in response.content.splitlines()]


def test_a_stream_is_answered_as_one_request_would_be(client):
    response = client.post("/v1/classify/stream", content=lines_of(COMMENTS), headers=NDJSON)
    assert response.headers["x-model-id"] == "keyword-fake"
    with serving() as other:
        expected = other.post("/v1/classify", json={"comments": COMMENTS}).json()
    assert answers_of(response) == expected["results"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    comments=st.lists(
        st.fixed_dictionaries(
            {
                "text": st.text(st.characters(exclude_categories=["Cs"]), max_size=9)
                | st.none()
                | st.integers()
            },
            optional={"id": st.text("ab", max_size=2) | st.integers(0, 9)},
        ),
        max_size=12,
    ),
    step=st.integers(1, 40),
)
def test_answers_do_not_depend_on_how_the_bytes_arrive(client, comments, step):
    body = lines_of(comments)
    whole = client.post("/v1/classify/stream", content=body, headers=NDJSON)
    pieces = (body[i : i + step] for i in range(0, len(body), step))
    assert client.post("/v1/classify/stream", content=pieces, headers=NDJSON).content == whole.content
    assert len(answers_of(whole)) == len(comments)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"{", "The line is not valid JSON"),
        (b'{"text": NaN}', "The line is not valid JSON"),
        (b'{"text": "\\ud800"}', "The line is not valid JSON"),
        (b"[" * 3000, "The line is not valid JSON"),
        (b"7", "The line is not a JSON object"),
        (b'{"id": "a"}', "text: expected this field to be there, found nothing."),
        (b'{"text": 4}', "text: expected a valid string, found an integer."),
        (b'{"text": " "}', EMPTY),
    ],
)
def test_a_bad_line_is_an_error_in_its_place(client, content, error):
    body = line("one") + content + b"\n\n  \n" + line("two")
    one, bad, two = answers_of(client.post("/v1/classify/stream", content=body, headers=NDJSON))
    assert (one["label"], two["label"], one["id"], two["id"]) == ("genuine", "genuine", "1", "5")
    assert bad["error"].startswith(error)


@pytest.mark.parametrize("path", ["/v1/classify/stream", "/v1/index/stream"])
@pytest.mark.parametrize(
    "headers", [{}, {"Content-Type": "application/json"}, {**NDJSON, "Content-Encoding": "gzip"}]
)
def test_another_kind_of_body_is_refused(client, path, headers):
    problem(client.post(path, content=b"{}\n", headers=headers), "unsupported-media-type")


def test_an_answer_comes_before_the_next_line_is_sent():
    with living() as live, live.connect() as connection:
        connection.sendall(head("/v1/classify/stream"))
        for i in range(3):
            connection.sendall(chunk(line("Is it?", id=f"line-{i}")))
            assert b'"label":"question"' in read_until(connection, b'"id":"line-%d"' % i)
        connection.sendall(chunk(b""))
        assert read_until(connection, b"\r\n0\r\n\r\n").endswith(b"0\r\n\r\n")


def test_who_reads_nothing_is_not_read_from_and_cut_in_the_end():
    with living(body_seconds=1) as live, live.connect(receive_bytes=4096) as connection:
        connection.sendall(head("/v1/classify/stream"))
        connection.settimeout(4)
        with pytest.raises(OSError, match=r"reset|Broken pipe|timed out"):
            connection.sendall(chunk(line("so cool") * 1000) * 1000)
        assert live.value("plaudit_labels_total", label="generic_praise") < 60_000
        assert live.app.state.engine.room.taken == 0


def test_a_stream_that_stalls_ends_with_a_problem():
    with living(body_seconds=0.3) as live:
        with live.connect() as connection:
            connection.sendall(
                head("/v1/classify/stream") + chunk(line("so cool")) + chunk(b'{"text": "half')
            )
            content = read_until(connection, b"0\r\n\r\n")
        assert b'"label":"generic_praise"' in content
        assert b"urn:plaudit:problem:request-timeout" in content
        with live.connect() as connection:
            connection.sendall(head("/v1/index/stream") + chunk(line("so cool")))
            assert read_until(connection, b"}").startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize("by", ["none", "post"])
def test_an_index_stream_gives_the_report_of_one_request(client, by):
    about = {"creator_id": "u0", "platform": "youtube", "follower_count": 9, "by": by}
    response = client.post("/v1/index/stream", params=about, content=lines_of(COMMENTS), headers=NDJSON)
    with serving() as other:
        expected = other.post("/v1/index", json={"comments": COMMENTS, **about})
    assert response.status_code == expected.status_code == 200
    assert response.content == expected.content


@pytest.mark.parametrize("path", ["/v1/index/stream", "/v1/index"])
def test_a_long_section_lies_in_the_data_folder_while_it_lasts(path, tmp_path, monkeypatch):
    for module in (pipelines, gathered):
        monkeypatch.setattr(module, "PART_ROWS", 200)
    seen, store = [], gathered.store
    monkeypatch.setattr(gathered, "store", lambda path, rows: seen.append(path) or store(path, rows))
    with serving(data_dir=tmp_path) as client:
        if path == "/v1/index":
            response = client.post(path, json={"comments": COMMENTS, "by": "post"})
        else:
            response = client.post(path, params={"by": "post"}, content=lines_of(COMMENTS), headers=NDJSON)
    assert seen
    assert all(each.is_relative_to(tmp_path / "sections") and not each.exists() for each in seen)
    assert list((tmp_path / "sections").iterdir()) == []
    monkeypatch.undo()
    with serving() as other:
        expected = other.post("/v1/index", json={"comments": COMMENTS, "by": "post"})
    assert response.content == expected.content


@pytest.mark.parametrize("path", ["/v1/index/stream", "/v1/index"])
def test_a_short_section_leaves_nothing_on_the_disk(path, tmp_path):
    with serving(data_dir=tmp_path / "data") as client:
        if path == "/v1/index":
            response = client.post(path, json={"comments": COMMENTS, "by": "post"})
        else:
            response = client.post(path, params={"by": "post"}, content=lines_of(COMMENTS), headers=NDJSON)
        assert response.status_code == 200
        assert not (tmp_path / "data" / "sections").exists()


def test_a_long_section_goes_with_the_caller(tmp_path, monkeypatch):
    monkeypatch.setattr(gathered, "PART_ROWS", 200)
    with living(data_dir=tmp_path) as live:
        with live.connect() as connection:
            connection.sendall(head("/v1/index/stream") + chunk(lines_of(COMMENTS) * 3))
            assert until(lambda: [*tmp_path.rglob("*.facts")])
        assert until(lambda: not [*(tmp_path / "sections").iterdir()])
        assert until(lambda: live.app.state.sections.n_comments == 0)


def until(condition, *, seconds=60) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end and not condition():
        time.sleep(0.02)
    return bool(condition())


def test_an_index_stream_counts_what_it_cannot_use(client):
    body = (
        lines_of(COMMENTS[:3])
        + b'nothing\n7\n{"text": ""}\n'
        + b'{"comments": []}\n' * 700
        + lines_of(COMMENTS[:1])
    )
    coverage = client.post("/v1/index/stream", content=body, headers=NDJSON).json()["coverage"]
    assert coverage["scored"] == 3
    wanted = {"not_json": 1, "not_a_record": 1, "duplicate_id": 1}
    assert {name: coverage["rejected"][name] for name in wanted} == wanted


def test_all_index_streams_together_have_a_bound():
    with serving(max_stream_comments=500) as client:
        response = client.post("/v1/index/stream", content=lines_of(COMMENTS), headers=NDJSON)
        assert "more than 500 comments" in problem(response, "too-many-comments")["detail"]
        client.app.state.sections.n_comments = 300
        response = client.post("/v1/index/stream", content=lines_of(COMMENTS[:400]), headers=NDJSON)
        assert problem(response, "overloaded")
        assert client.app.state.sections.n_comments == 300


def test_an_overloaded_service_takes_no_new_stream():
    with serving(max_waiting=100) as client:
        client.app.state.engine.room._taken = 90
        for path in ("/v1/classify/stream", "/v1/index/stream"):
            problem(client.post(path, content=line("x"), headers=NDJSON), "overloaded")


def test_a_stream_that_waits_for_long_ends_with_a_problem(monkeypatch):
    monkeypatch.setattr("plaudit.service.room._LONGEST_TURN_SECONDS", 0.05)
    with serving(max_waiting=100) as client:
        room = client.app.state.engine.room
        room._taken = room._n_long = 60
        body = lines_of(COMMENTS[:40])
        (found,) = answers_of(client.post("/v1/classify/stream", content=body, headers=NDJSON))
        assert (found["type"], found["status"]) == ("urn:plaudit:problem:overloaded", 429)
        problem(client.post("/v1/index/stream", content=body, headers=NDJSON), "overloaded")
        assert room.taken == 60


def test_what_streams_hold_has_a_bound_while_they_wait_for_the_model(monkeypatch):
    monkeypatch.setattr(callers, "_SMALL", 1000)
    large, pipeline = line("so cool " * 2500), stuck()
    bounds = {"max_bodies_bytes": 90_000, "max_body_bytes": 1024, "max_waiting": 50}
    with living(lambda: pipeline, **bounds) as live, ExitStack() as opened:
        bodies = live.app.state.bodies
        pipeline.classifier.go.clear()
        eight = [opened.enter_context(live.connect()) for _ in range(8)]
        for connection in eight:
            connection.sendall(head("/v1/classify/stream") + chunk(large) + chunk(b""))
        found = until(lambda: bodies._n_bytes == 4 * (len(large) - 1) and live.app.state.streams._n == 4)
        n_taken = live.app.state.engine.room.taken
        pipeline.classifier.go.set()
        assert (found, n_taken) == (True, 21)  # three wait for room, and are held all the same
        ends = [read_until(connection, b"0\r\n\r\n", seconds=20) for connection in eight]
        assert sum(b'"label":"generic_praise"' in each for each in ends) == 4
        assert sum(b"urn:plaudit:problem:overloaded" in each for each in ends) == 4
        assert until(lambda: bodies._n_bytes == 0)


def test_what_an_index_stream_gathers_counts_and_long_lines_do_not_gather_for_long(monkeypatch):
    monkeypatch.setattr(callers, "_SMALL", 1000)
    monkeypatch.setattr(streams, "_GATHERED_BYTES", 10_000)
    body = lines_of(COMMENTS[:180])
    with living() as live, live.connect() as connection:
        bodies = live.app.state.bodies
        connection.sendall(head("/v1/index/stream") + chunk(body[:7000]))
        assert until(lambda: 6700 < bodies._n_bytes <= 7000)
        assert live.value("plaudit_labels_total", label="question") == 0
        connection.sendall(chunk(body[7000:]))
        assert until(lambda: live.value("plaudit_labels_total", label="question") > 0)
        assert until(lambda: bodies._n_bytes < 10_000)
        connection.sendall(chunk(b""))
        assert read_until(connection, b"\r\n\r\n", seconds=60).startswith(b"HTTP/1.1 200")
        assert until(lambda: bodies._n_bytes == 0)
        whole = live.client.post("/v1/index/stream", content=body, headers=NDJSON)
    monkeypatch.undo()
    with serving() as other:
        assert whole.content == other.post("/v1/index", json={"comments": COMMENTS[:180]}).content


def test_there_are_only_so_many_streams(monkeypatch):
    monkeypatch.setattr(callers.Streams.__init__, "__defaults__", (2,))
    with living() as live, live.connect() as one:
        one.sendall(head("/v1/classify/stream") + chunk(line("so cool")))
        assert b'"label"' in read_until(one, b'"label"')
        with live.connect() as two:
            two.sendall(head("/v1/index/stream") + chunk(line("so cool")))
            assert until(lambda: live.app.state.streams._n == 2)
            for path in ("/v1/classify/stream", "/v1/index/stream"):
                response = live.client.post(path, content=line("x"), headers=NDJSON)
                assert problem(response, "overloaded")["detail"].startswith("2 streams are open already")
                assert response.headers["retry-after"] == "1"
        assert until(lambda: live.app.state.streams._n == 1)
        response = live.client.post("/v1/classify/stream", content=line("x"), headers=NDJSON)
        assert response.status_code == 200
    assert live.app.state.streams._n == 0


def test_a_service_that_stops_says_how_far_it_came():
    with living(drain_notice_seconds=3) as live, live.connect() as endless, live.connect() as short:
        body = line("so cool") * 3
        endless.sendall(head("/v1/classify/stream") + chunk(b"\n" + body))
        assert read_until(endless, b'"id":"4"')
        declared = b"Content-Type: application/x-ndjson\r\nContent-Length: %d\r\n\r\n" % (len(body) + 1)
        short.sendall(b"POST /v1/classify/stream HTTP/1.1\r\nHost: t\r\n" + declared + body)
        assert read_until(short, b'"id":"3"')
        live.server.handle_exit(15, None)
        end = read_until(endless, b"0\r\n\r\n")
        assert end.endswith(b"0\r\n\r\n")
        assert b"urn:plaudit:problem:not-ready" in end
        assert b"the first 4 lines are answered" in end
        assert b"from line 5 on" in end
        short.sendall(b"\n")  # it is no longer than a request, and answered as one
        assert b"problem" not in read_until(short, b"0\r\n\r\n")


def test_a_stream_whose_block_is_not_done_in_time_is_told_at_the_end():
    pipeline = stuck()
    with living(lambda: pipeline, drain_seconds=1) as live, live.connect() as connection:
        connection.sendall(head("/v1/classify/stream") + chunk(line("so cool")))
        assert read_until(connection, b'"id":"1"')
        pipeline.classifier.go.clear()
        connection.sendall(chunk(line("so cool")))
        assert pipeline.classifier.entered.wait(20)
        live.server.handle_exit(15, None)
        end = read_until(connection, b"0\r\n\r\n")
        pipeline.classifier.go.set()
    assert b"the first 1 lines are answered" in end
    assert end.endswith(b"0\r\n\r\n")


@pytest.mark.parametrize("name", ["plattform", "foo"])
def test_an_option_that_there_is_not_is_refused(client, name):
    for path in ("/v1/index", "/v1/classify"):
        found = problem(client.post(path, json={"comments": COMMENTS[:1], name: "x"}), "invalid-request")
        assert found["errors"] == [{"field": name, "expected": "no such name here", "found": "a string"}]
    answer = client.post("/v1/index/stream", params={name: "x"}, content=line("so cool"), headers=NDJSON)
    assert problem(answer, "invalid-request")["errors"][0]["field"] == name
    more = {"comments": [{"text": "Is it?", name: "a column of the dump"}]}
    assert client.post("/v1/classify", json=more).status_code == 200


def test_the_creator_has_two_names_on_a_stream_as_in_a_request(client):
    reports = [
        client.post("/v1/index/stream", params={name: "u0"}, content=lines_of(COMMENTS), headers=NDJSON)
        for name in ("creator", "creator_id")
    ]
    assert reports[0].status_code == 200
    assert reports[0].content == reports[1].content


def test_a_slash_too_many_is_no_other_address(client):
    problem(client.post("/v1/classify/", json={"comments": []}), "not-found")
