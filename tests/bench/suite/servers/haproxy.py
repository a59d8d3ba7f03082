"""HAProxy answering by itself."""
import resource

from suite import workloads
from suite.server import Server

CONFIGURATION = """
global
    nbthread {threads}
    maxconn {connections}
defaults
    mode http
    timeout client 60s
    timeout server 60s
    timeout connect 5s
    timeout http-keep-alive 60s
frontend fixed
    bind 127.0.0.1:{port} backlog 4096
    http-request return status 503 content-type "text/html" file {page}
"""


class HAProxy(Server):
    name = "haproxy"
    kinds = ("fixed",)
    programs = ("/usr/sbin/haproxy",)
    package = "haproxy"
    # It wants two descriptors for each, for a client and a server, before it starts.
    most_connections = min(11000, (resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 200) // 2)

    def launch(self):
        page = self.write("page", workloads.PAGE)
        self.spawn("/usr/sbin/haproxy", "-db", "-f", self.write("haproxy.cfg", CONFIGURATION.format(
            threads=self.place.workers, port=self.port, page=page,
            connections=self.most_connections)))
