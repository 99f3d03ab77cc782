"""Alerts and dashboard: promtool takes them, the alerts fire, and every metric in them is one that the daemons have."""
import json
import re
import subprocess

import pytest
import yaml

from broker import ROOT
from daemons import consumer, ingest, load, wait_until
from deb_tools import unpacked
from streams import Stream

DEPLOY = ROOT / "docker" / "deploy"
RULES = DEPLOY / "prometheus" / "playreport.rules.yml"
DASHBOARD = DEPLOY / "grafana" / "playreport.json"


def promtool(*words):
    """What it says; whatever it has against the files fails the test."""
    done = subprocess.run([unpacked("prometheus") / "usr/bin/promtool", *map(str, words)], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rules():
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def panels():
    return [panel for panel in json.loads(DASHBOARD.read_text())["panels"] if panel["type"] != "row"]


def expressions():
    asked = [target["expr"].replace("$__rate_interval", "1m") for panel in panels() for target in panel["targets"]]
    return [rule["expr"] for rule in rules()] + asked


@pytest.fixture(scope="module", name="series")
def metrics_of_the_daemons(shared_kafka, tmp_path_factory):
    """{name: {label names}}, after some reports came through."""
    stream = Stream(shared_kafka)
    folder = tmp_path_factory.mktemp("monitoring")
    with ingest(folder / "ingest", shared_kafka.bootstrap, topic=stream.topic, ack="disk") as front:
        with consumer(folder / "consumer", shared_kafka.bootstrap, **stream.options()) as back:
            load(front.port, 50, folder / "expected")
            wait_until("reports are counted", lambda: back.totals()["reports"] > 0, 60)
            pages = front.admin("/metrics")[1] + back.admin("/metrics")[1]
    found = {"up": {"job"}}
    for name, labels in re.findall(r"^(\w+)(?:\{(.*)\})? ", pages, re.M):
        found.setdefault(name, set()).update(re.findall(r'(\w+)="', labels))
    return found


def test_promtool_takes_the_rules_and_the_settings():
    assert f"{len(rules())} rules found" in promtool("check", "rules", RULES)
    promtool("check", "config", RULES.with_name("prometheus.yml"))


def test_each_alert_fires_on_what_it_is_for_and_on_nothing_else():
    promtool("test", "rules", RULES.with_name("playreport.test.yml"))
    tested = RULES.with_name("playreport.test.yml").read_text()
    for rule in rules():
        assert f"alertname: {rule['alert']}" in tested and f'alertname="{rule["alert"]}"' in tested


def test_alerts_say_what_is_wrong_and_what_to_do():
    for rule in rules():
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert set(rule["annotations"]) == {"summary", "description"}, rule["alert"]


def test_each_expression_of_the_dashboard_is_promql(tmp_path):
    recorded = [{"record": f"panel:{number}", "expr": text} for number, text in enumerate(expressions())]
    file = tmp_path / "panels.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": recorded}]}))
    promtool("check", "rules", file)


def test_each_metric_and_each_label_is_there(series):
    for text in expressions():
        names = set(re.findall(r"\b(?:playreport_\w+|up)\b", re.sub(r'"[^"]*"', "", text)))
        assert names and names <= set(series), text
        for label in re.findall(r"by \((\w+)\)", text):
            assert any(label in series[name] for name in names), text


def test_compose_lets_prometheus_reach_the_daemons_and_grafana_find_the_dashboard():
    services = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text())["services"]
    scraped = yaml.safe_load(RULES.with_name("prometheus.yml").read_text())["scrape_configs"]
    targets = [target for job in scraped for host in job["static_configs"] for target in host["targets"]]
    listening = [f"{name}:{service['environment']['PLAYREPORT_ADMIN_LISTEN'].rpartition(':')[2]}"
                 for name, service in services.items() if "PLAYREPORT_LISTEN" in service.get("environment", {})]
    assert targets == listening
    jobs = {job["job_name"] for job in scraped}
    assert {job for rule in rules() for job in re.findall(r'job="([^"]*)"', rule["expr"])} == jobs
    provisioning = DEPLOY / "grafana" / "provisioning"
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "playreport.yml").read_text())["providers"]
    mounted = [volume.split(":")[1] for volume in services["grafana"]["volumes"]]
    assert f"{provider['options']['path']}/{DASHBOARD.name}" in mounted
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090" and "prometheus" in services


def test_panels_have_titles_units_and_places_of_their_own():
    places = set()
    for panel in panels():
        assert panel["title"] and panel["description"] and panel["fieldConfig"]["defaults"]["unit"]
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                 for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & places and place["x"] + place["w"] <= 24, panel["title"]
        places |= cells
