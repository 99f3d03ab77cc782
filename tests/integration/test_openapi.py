"""common/contract/openapi.yaml: what the consumer answers over HTTP is what it says."""
import os
import re
import subprocess
import time
import urllib.parse
from pathlib import Path

import jsonschema
import pytest
import requests
import yaml
from oauthlib import oauth1

from broker import ROOT
from python_tools import programs_of
from test_contract import references
from test_extract import KEY, SECRET, TOKEN, daemon  # noqa: F401 (a fixture)

TOOLS = Path(__file__).parent / "openapi_tools"
FILE = ROOT / "common/contract/openapi.yaml"
DOCUMENT = yaml.safe_load(FILE.read_text(encoding="utf-8"))
ROUTES = [(path, method) for path, item in DOCUMENT["paths"].items() for method in item if method in ("get", "post")]
EXAMPLES = 20  # of each operation, beside the limits of each parameter


def schemathesis(folder, url, file, *more):
    """folder is where it keeps what it found: a run does not depend on the one before."""
    programs = programs_of(TOOLS)
    words = [programs / "st", "--config-file", TOOLS / "schemathesis.toml", "run", file, "--url", url, "--seed", "7",
             "--max-examples", str(EXAMPLES), "--no-color", "--phases", "examples,coverage,fuzzing", *more]
    run = subprocess.run(words, capture_output=True, text=True, timeout=300, cwd=folder, check=False,
                         env={**os.environ, "SCHEMATHESIS_HOOKS": "checks", "PYTHONPATH": str(TOOLS)})
    print("\n".join(line[:400] for line in run.stdout.splitlines()))
    assert run.returncode == 0, f"what it found is printed below; {run.stderr[-2000:]}"


def test_what_is_answered_is_what_the_document_says(daemon, tmp_path):  # noqa: F811
    schemathesis(tmp_path, f"http://127.0.0.1:{daemon.port}", FILE, "-H", f"Authorization: Bearer {TOKEN}")


def test_the_operators_pages_are_what_their_document_says(daemon, tmp_path):  # noqa: F811
    schemathesis(tmp_path, f"http://127.0.0.1:{daemon.admin_port}", FILE.with_name("openapi-operators.yaml"))


def test_every_reference_of_the_document_leads_somewhere():
    for reference in references(DOCUMENT):
        target = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            target = target[step]


ALL_OF_IT = [
    ("Rows", "/v1/report?dimensions=site,photo_id,source,day&from=-7d&limit=2&metrics=reports,events,loads,plays,plays_derived,"
             "play_engagement,playthrough_average,finishes,downloads,downloaded_bytes,uncounted_reports,viewers,play_rate"),
    ("Rows", "/v1/report?dimensions=event,hour&metrics=events,loads&from=-1d&tz=Asia/Kolkata"),
    ("Rows", "/v1/report?dimensions=event,quarter&metrics=click_rate&from=-1h"), ("Rows", "/v1/photos"), ("Rows", "/v1/sources"),
    ("Error", "/v1/report?x=1"), ("Error", "/v1/nothing"), ("Retention", "/v1/retention?photo_id=7"), ("Status", "/v1/status"),
    *((schema, f"/api/analytics/extract/{name}") for schema, name in (
        ("PlayTotals", "play-totals"), ("PlayTotals", "play-totals?date_start=-450d"), ("PlayDetails", "play-details"),
        ("PhotoTotals", "photo-totals"), ("EmbedDetails", "embed-details"), ("ExtractError", "play-totals?size=0&photo_id=x"),
        ("ExtractError", "nothing")))]


@pytest.mark.parametrize("schema, path", ALL_OF_IT)
def test_an_answer_has_no_member_that_the_document_lacks(daemon, schema, path):  # noqa: F811
    """schemathesis lets those pass."""
    answer = requests.get(f"http://127.0.0.1:{daemon.port}{path}", timeout=60,
                          headers={"Authorization": f"Bearer {TOKEN}", "Host": "a.example"})
    jsonschema.Draft202012Validator({**DOCUMENT, "$ref": f"#/components/schemas/{schema}"}).validate(answer.json())


# ---- Who may. ----

NEEDED = {"photo_id": "7"}  # of the parameters that are required
GUARDED = [route for route in ROUTES if DOCUMENT["paths"][route[0]][route[1]].get("security") != []]


def test_the_document_has_every_route_of_the_daemon(daemon):  # noqa: F811
    served = set()
    for name in ("api_routes.c", "extract.c", "page.c", "api.c", "api_extract.c"):
        text = (ROOT / "consumer" / name).read_text(encoding="utf-8")
        served |= set(re.findall(r'"(/(?:v1/|api/analytics/|healthz)[a-z0-9/-]*)"', text))
    assert len(served) >= 10 and served == set(DOCUMENT["paths"])
    told = requests.get(f"http://127.0.0.1:{daemon.port}/v1/", timeout=60).json()["error"]["message"]
    assert set(re.findall(r"/v1/[a-z]+", told)) == {path for path in served if path.startswith("/v1/")}


def refusal(answer):
    """What it refuses with; None when it does not."""
    told = answer.json()
    if answer.status_code == 200 and told.get("status", "ok") == "ok":
        return None
    assert answer.status_code in (200, 401)
    code = told["code"] if answer.status_code == 200 else told["error"]["code"]
    assert code == "permission_denied" and set(told) <= {"status", "message", "code", "permission_level", "endpoint", "error"}
    return told.get("message") or told["error"]["message"]


def ask(daemon, route, headers=None, query="", body=None):  # noqa: F811
    path, method = route
    words = "&".join(filter(None, [urllib.parse.urlencode(NEEDED), query]))
    address = f"http://127.0.0.1:{daemon.port}{path}?{words}" if path in BY_QUERY else f"http://127.0.0.1:{daemon.port}{path}?{query}"
    return requests.request(method, address, headers=headers or {}, data=body, timeout=60)


BY_QUERY = {path for path, method in ROUTES
            if any(p.get("required") for p in DOCUMENT["paths"][path][method].get("parameters", []) if "name" in p)}


@pytest.mark.parametrize("route", GUARDED, ids=lambda r: f"{r[1]} {r[0]}")
def test_a_route_of_level_read_refuses_whoever_may_not(daemon, route):  # noqa: F811
    path, method = route

    def signed(secret=SECRET, nonce=None, at=0):
        words = f"?{urllib.parse.urlencode(NEEDED)}" if path in BY_QUERY else ""
        client = oauth1.Client(KEY, secret, nonce=nonce, timestamp=str(int(time.time()) + at))
        return client.sign(f"http://127.0.0.1:{daemon.port}{path}{words}", method.upper())[1]

    assert refusal(ask(daemon, route, {"Authorization": f"Bearer {TOKEN}"})) is None
    good = signed()
    assert refusal(ask(daemon, route, good)) is None
    assert "nonce was used before" in refusal(ask(daemon, route, good))
    assert "is needed" in refusal(ask(daemon, route))
    for words in ("", "Bearer", "Bearer ", "Bearer wrong", f"Bearer {TOKEN}x", f"Basic {TOKEN}", TOKEN, "OAuth", "OAuth x"):
        assert refusal(ask(daemon, route, {"Authorization": words})), words
    assert "the key or the signature is wrong" in refusal(ask(daemon, route, signed("guess")))
    assert "oauth_timestamp" in refusal(ask(daemon, route, signed(at=-400)))
    assert "oauth_timestamp" in refusal(ask(daemon, route, signed(at=400)))
    assert "the key or the signature is wrong" in refusal(ask(daemon, route, signed(), "bots=include"))
    if method == "post":
        assert "the key or the signature is wrong" in refusal(ask(daemon, route, signed(), body={"size": "5"}))
