"""docker/ held against the tree: no engine runs here, so each name in it must be one that exists."""
import os
import re
import subprocess

import pytest
import yaml

from broker import ROOT
from daemons import PROGRAMS

DOCKERFILE = ROOT / "docker" / "Dockerfile"
COMPOSE = ROOT / "docker" / "compose.yaml"


def instructions():
    """[(instruction, rest)] with continued lines joined and comments left out."""
    text = re.sub(r"^\s*#.*\n", "", DOCKERFILE.read_text(), flags=re.M)
    return [tuple(line.split(None, 1)) for line in re.sub(r"\\\n", " ", text).splitlines() if line.strip()]


def services():
    return yaml.safe_load(COMPOSE.read_text())["services"]


def packages(run):
    """The packages that a RUN installs."""
    words = run.split("--no-install-recommends", 1)[1].split("&&", 1)[0].split()
    return [word for word in words if not word.startswith("-")]


def test_the_dockerfile_has_two_stages_and_ends_unprivileged_with_a_health_check():
    names = [name for name, _ in instructions()]
    assert set(names) <= {"FROM", "RUN", "COPY", "WORKDIR", "USER", "VOLUME", "EXPOSE", "ENV", "HEALTHCHECK", "CMD"}
    assert names.count("FROM") == 2
    last = names[len(names) - names[::-1].index("FROM"):]
    assert "HEALTHCHECK" in last and "CMD" in last
    users = [rest for name, rest in instructions() if name == "USER"]
    assert users and users[-1] not in ("root", "0")
    made = " ".join(rest for name, rest in instructions() if name == "RUN")
    assert re.search(rf"useradd .*\b{users[-1]}\b", made)


def test_the_built_programs_find_their_libraries_in_the_image():
    _, final = [packages(rest) for name, rest in instructions() if name == "RUN" and "apt-get install" in rest]
    needed = subprocess.run(["ldd", PROGRAMS / "playreport-ingest", PROGRAMS / "playreport-consumer"],
                            capture_output=True, text=True, check=True).stdout
    linked = {word for word in re.findall(r"(\S+)\.so", needed)}
    for library, package in (("libevent", "libevent-"), ("librdkafka", "librdkafka1"), ("libsqlite3", "libsqlite3-0"),
                             ("libjansson", "libjansson4"), ("libglib", "libglib2.0-0"), ("libisal", "libisal2"),
                             ("libcrypto", "libssl3")):
        if any(name.startswith(library) for name in linked):
            assert any(name.startswith(package) for name in final), package


def test_compose_names_what_is_there():
    every = services()
    assert set(every) == {"kafka", "ingest", "consumer", "prometheus", "grafana"}
    volumes = yaml.safe_load(COMPOSE.read_text())["volumes"]
    for name, service in every.items():
        for source in (volume.split(":")[0] for volume in service.get("volumes", [])):
            assert (COMPOSE.parent / source).exists() if source.startswith(".") else source in volumes, (name, source)
        assert set(service.get("depends_on", [])) <= set(every), name
    build = every["ingest"]["build"]
    assert (COMPOSE.parent / build["context"] / build["dockerfile"]).resolve() == DOCKERFILE.resolve()
    assert every["kafka"]["image"].startswith("apache/kafka:4.")


@pytest.mark.parametrize("name", ["ingest", "consumer"])
def test_the_daemons_take_the_settings_of_compose(name):
    service = services()[name]
    settings = {k: v for k, v in service["environment"].items() if k.startswith("PLAYREPORT_")}
    program, *words = service["command"]
    env = {k: v for k, v in os.environ.items() if not k.startswith("PLAYREPORT_")} | settings
    done = subprocess.run([PROGRAMS / program, *words, "--check-config"], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    spoilt = subprocess.run([PROGRAMS / program, *words, "--check-config"], env=env | {"PLAYREPORT_NO_SUCH": "1"},
                            capture_output=True, text=True)
    assert spoilt.returncode == 2 and "NO_SUCH" in spoilt.stderr.upper()
