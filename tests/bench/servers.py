"""Who answers the requests: the daemon, nginx, evhttp, and collectors that a user might take instead."""
import getpass
import grp
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import Protocol

from broker import BUILD
from daemons import ingest, wait_until
from measure import SERVER_CPU, cpu_s, family, memory_kib, pinned

HERE = Path(__file__).parent
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


class Server(Protocol):
    """Pinned to the processor that is measured."""

    name: str
    port: int

    def pid(self) -> int: ...
    def cpu_s(self) -> float: ...
    def stop(self) -> None: ...


class Program:
    """A child process, its output in a file."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder, self.port = name, folder, 0
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.output = folder / "output"
        self.process: subprocess.Popen | None = None

    def run(self, words: list, **more) -> None:
        with open(self.output, "wb") as output, pinned(SERVER_CPU):
            self.process = subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=output,
                                            stderr=subprocess.STDOUT, **more)

    def pid(self) -> int:
        return self.process.pid

    def cpu_s(self) -> float:
        return cpu_s(family(self.pid()))

    def memory_kib(self) -> dict[str, int]:
        return memory_kib(self.pid())

    def await_port(self) -> None:
        """The line port=N of a program that chose its port itself."""
        text = wait_until(f"{self.name} listens: {self.output}", self._told_port, 30)
        self.port = int(text)

    def _told_port(self) -> str:
        self.must_run()
        text = self.output.read_text(errors="replace")
        return text.partition("port=")[2].partition("\n")[0] if "\n" in text else ""

    def must_run(self) -> None:
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.name} ended: {self.output.read_text(errors='replace')[-2000:]}")

    def stop(self) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Nginx(Program):
    """One worker process. It inherits its listening socket, so that no port is guessed."""

    def __init__(self, folder: Path, conf: str = "nginx.conf", name: str = "nginx return 200", **values: str) -> None:
        super().__init__(name, folder)
        with socket.create_server(("127.0.0.1", 0), backlog=4096) as listener:
            self.port = listener.getsockname()[1]
            group = grp.getgrgid(os.getgid()).gr_name
            text = (HERE / "peers" / conf).read_text(encoding="utf-8")
            marks = {"USER": f"{getpass.getuser()} {group}", "FOLDER": str(folder), "PORT": str(self.port), **values}
            for mark, value in marks.items():
                text = text.replace(f"@{mark}@", value)
            (folder / "conf").write_text(text, encoding="utf-8")
            self.run([NGINX, "-p", folder, "-c", folder / "conf", "-e", folder / "error.log"],
                     pass_fds=[listener.fileno()], env={**os.environ, "NGINX": f"{listener.fileno()};"})
        wait_until(f"{self.name} has its worker", lambda: self.must_run() or len(family(self.pid())) > 1)


class Evhttp(Program):
    def __init__(self, folder: Path, bootstrap: str, topic: str) -> None:
        super().__init__("evhttp, no journal", folder)
        self.run([BUILD / "playreport-bench-evhttp", bootstrap, topic])
        self.await_port()


class NginxLua(Nginx):
    def __init__(self, folder: Path, bootstrap: str, topic: str) -> None:
        host, _, port = bootstrap.partition(":")
        super().__init__(folder, "nginx-lua.conf", "nginx + lua-resty-kafka", LUA=str(HERE / "peers/collector.lua"),
                         BROKER_HOST=host, BROKER_PORT=port, TOPIC=topic)


class Node(Program):
    """The packages are fetched into build/bench/node when they are not there."""

    def __init__(self, folder: Path, bootstrap: str, topic: str) -> None:
        super().__init__("node + kafkajs", folder)
        modules = BUILD / "bench/node"
        if not (modules / "node_modules/kafkajs").exists():
            modules.mkdir(parents=True, exist_ok=True)
            shutil.copy(HERE / "peers/package.json", modules)
            subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--silent"], cwd=modules, check=True)
        self.run(["node", HERE / "peers/collector.js", bootstrap, topic],
                 env={**os.environ, "NODE_PATH": str(modules / "node_modules"), "NODE_ENV": "production"})
        self.await_port()


class Ingest:
    """The daemon, with one worker unless told otherwise. All its threads share the processor, librdkafka's too."""

    def __init__(self, folder: Path, bootstrap: str, topic: str, **options) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        self.name = "playreport-ingest"
        self.daemon = ingest(folder, bootstrap, topic=topic, **{"workers": 1, **options})
        with pinned(SERVER_CPU):
            self.daemon.start()

    @property
    def port(self) -> int:
        return self.daemon.port

    def pid(self) -> int:
        return self.daemon.process.pid

    def cpu_s(self) -> float:
        return cpu_s([self.pid()])

    def memory_kib(self) -> dict[str, int]:
        return memory_kib(self.pid())

    def stop(self) -> None:
        if self.daemon.process.poll() is None:
            self.daemon.kill()
        shutil.rmtree(self.daemon.folder / "journal", ignore_errors=True)
