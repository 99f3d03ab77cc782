"""The origin that players' pages come from: nginx with pages/, jQuery, and the report API behind it as on the platform."""
from pathlib import Path

from proxies import NginxServer

PAGES = Path(__file__).parent / "pages"
JQUERY = "/usr/share/javascript/jquery/jquery.js"

# The page's own scripts are known by a nonce; of all else only ingest is allowed, or not even that.
SITE = """\
    include /etc/nginx/mime.types;
    access_log off;
    server {{
        listen 127.0.0.1:{listen};
        root {pages};
        location /api/ {{
            proxy_pass http://127.0.0.1:{port};
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header Connection "";
        }}
        location = /healthz {{ proxy_pass http://127.0.0.1:{port}; }}
        location = /jquery.js {{ alias {jquery}; }}
        location = /favicon.ico {{ return 204; }}
        location = /isolated {{
            add_header Cross-Origin-Embedder-Policy require-corp;
            default_type text/html;
            alias {pages}/strict.html;
        }}
        location = /strict {{
            add_header Content-Security-Policy "default-src 'none'; connect-src {reports}; img-src {reports};
                script-src 'nonce-page' {reports}";
            default_type text/html;
            alias {pages}/strict.html;
        }}
        location = /closed {{
            add_header Content-Security-Policy "default-src 'none'; script-src 'nonce-page'";
            default_type text/html;
            alias {pages}/strict.html;
        }}
    }}
"""


class Site(NginxServer):
    def http(self):
        return SITE.format(listen=self.port, port=self.ingest_port, pages=PAGES, jquery=JQUERY,
                           reports=f"http://127.0.0.1:{self.ingest_port}")
