"""nginx and haproxy in front of a daemon, for a test: each with a folder of its own, in the foreground, on ports that
the system gave. They inherit their listening sockets, so no port is ever guessed."""
import getpass
import grp
import os
import re
import shutil
import socket
import subprocess
from pathlib import Path

from daemons import wait_until

# Limits past those of ingest, so that ingest's own are met; waits short, as half a request is among the cases.
NGINX = """\
    log_format upstream 'upstream=$upstream_status.';
    client_header_timeout 500ms;
    client_body_timeout 500ms;
    client_max_body_size 4m;
    large_client_header_buffers 8 64k;
    upstream ingest {{ server 127.0.0.1:{port}; keepalive 4; }}
    server {{
        listen 127.0.0.1:{listen};
        access_log {folder}/access.log upstream;
        location / {{
            proxy_pass http://ingest;
            proxy_http_version 1.1;
            proxy_set_header Host $host;
            proxy_set_header Connection "";
            proxy_request_buffering {buffering};
        }}
    }}
"""

# What any nginx of a test needs to stay in its folder.
NGINX_FRAME = """\
daemon off;
worker_processes 1;
user {user};
pid {folder}/pid;
error_log {folder}/error.log info;
events {{ worker_connections 256; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    scgi_temp_path {folder}/scgi;
    uwsgi_temp_path {folder}/uwsgi;
{http}}}
"""

HAPROXY = """\
global
    log stdout format raw local0
    tune.bufsize 65536
    tune.http.maxhdr 200
defaults
    mode http
    log global
    log-format "upstream=%s."
    timeout connect 5s
    timeout client 500ms
    timeout http-request 500ms
    timeout server 10s
    http-reuse always
frontend players
    bind fd@{fd}
    {option}
    default_backend ingest
backend ingest
    server ingest 127.0.0.1:{port}
"""


class Proxy:
    """One proxy, until it is left. `port` is where it listens."""

    def __init__(self, folder, port):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True)
        self.ingest_port = port
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.listener.getsockname()[1]
        self.process = None

    def run(self, words, conf, **environment):
        (self.folder / "conf").write_text(conf)
        with open(self.folder / "output", "wb") as output:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                                            pass_fds=[self.listener.fileno()], env={**os.environ, **environment})
        self.listener.close()  # it is the proxy's now

    def __enter__(self):
        self.start()
        wait_until(f"the proxy serves: {self.folder}", self._serves)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _serves(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"the proxy ended: {(self.folder / 'output').read_text()[-2000:]}")
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as probe:
                probe.settimeout(1)
                probe.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
                return probe.recv(12) == b"HTTP/1.1 200"
        except OSError:
            return False


class NginxServer(Proxy):
    """Any nginx; http() says what it serves."""

    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")

    def start(self):
        conf = NGINX_FRAME.format(folder=self.folder, http=self.http(),
                                  user=f"{getpass.getuser()} {grp.getgrgid(os.getgid()).gr_name}")
        words = [self.program, "-p", self.folder, "-c", self.folder / "conf", "-e", self.folder / "error.log"]
        self.run(words, conf, NGINX=f"{self.listener.fileno()};")


class Nginx(NginxServer):
    """buffering: whether a body is read whole before any of it goes on."""

    def __init__(self, folder, port, buffering):
        super().__init__(folder, port)
        self.buffering = buffering

    def http(self):
        return NGINX.format(folder=self.folder, port=self.ingest_port, listen=self.port, buffering=self.buffering)

    def forwarded(self):
        """How many requests it has passed on, each try counted."""
        log = (self.folder / "access.log").read_text()
        return sum(len(re.findall(r"\d+", tries)) for tries in re.findall(r"upstream=(.*)\.", log))


class Haproxy(Proxy):
    """option: a line for its front end."""

    program = shutil.which("haproxy", path=f"{os.environ.get('PATH', '')}:/usr/sbin")

    def __init__(self, folder, port, option=""):
        super().__init__(folder, port)
        self.option = option

    def start(self):
        conf = HAPROXY.format(fd=self.listener.fileno(), port=self.ingest_port, option=self.option)
        self.run([self.program, "-db", "-f", str(self.folder / "conf")], conf)

    def forwarded(self):
        return (self.folder / "output").read_text().count("upstream=ingest.")
