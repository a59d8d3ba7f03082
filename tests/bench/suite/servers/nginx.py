"""nginx: answering by itself, and in front of what has no HTTP of its own."""
import contextlib
import glob
import os
import socket

from harness import wait_for
from suite import workloads
from suite.server import APPS, Server
from suite.servers.python_servers import uwsgi_command

CONFIGURATION = """
daemon off;
{user}
pid nginx.pid;
error_log stderr;
worker_processes {workers};
events {{ worker_connections 12000; }}
http {{
    access_log off;
    default_type text/plain;
    keepalive_requests 1000000000;
    keepalive_timeout 60s;
    client_max_body_size 100m;
    client_body_buffer_size 128k;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        {location}
    }}
}}
"""
FPM = """
[global]
daemonize = no
error_log = {directory}/fpm.log
[bench]
listen = {directory}/backend.sock
listen.backlog = 4096
pm = static
pm.max_children = {workers}
{user}
"""


class Nginx(Server):
    name = "nginx"
    kinds = ("fixed",)
    programs = ("/usr/sbin/nginx",)
    package = "nginx"

    def launch(self):
        self.backend()
        if self.processes:
            wait_for(f"the backend of {self.name}", self.backend_listens, 30)
        user = "user root;" if os.getuid() == 0 else ""
        configuration = self.write("nginx.conf", CONFIGURATION.format(
            workers=self.place.workers, port=self.port, location=self.location(), user=user))
        self.spawn("/usr/sbin/nginx", "-p", f"{self.directory}/", "-c", configuration)

    def backend(self):
        """Begins what listens on backend.sock, if there is such."""

    def backend_listens(self):
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as s:
            s.connect(str(self.directory / "backend.sock"))
            return True
        return False

    def location(self):
        text = workloads.PAGE.decode().replace("\r", "\\r").replace("\n", "\\n")
        return f'location / {{ return 503 "{text}"; }}'


class NginxUwsgi(Nginx):
    name = "nginx+uwsgi"
    kinds = ("wsgi",)
    programs = ("/usr/sbin/nginx", "/usr/bin/uwsgi")
    package = "uwsgi"

    def backend(self):
        self.spawn(*uwsgi_command(self.place.workers), "--socket",
                   self.directory / "backend.sock", "--chmod-socket=666")

    def location(self):
        return (f"location / {{ include /etc/nginx/uwsgi_params; "
                f"uwsgi_pass unix:{self.directory}/backend.sock; }}")


class NginxPhp(Nginx):
    name = "nginx+php-fpm"
    kinds = ("php",)
    fpm = (glob.glob("/usr/sbin/php-fpm[78]*") or ["/usr/sbin/php-fpm"])[-1]
    programs = ("/usr/sbin/nginx", fpm)
    package = "php-fpm"

    def backend(self):
        root = os.getuid() == 0
        self.spawn(self.fpm, *(["-R"] if root else []), "-y", self.write("fpm.conf", FPM.format(
            directory=self.directory, workers=self.place.workers,
            user="user = root\ngroup = root" if root else "")))

    def location(self):
        return (f"location / {{ include /etc/nginx/fastcgi.conf; "
                f"fastcgi_param SCRIPT_FILENAME {APPS}/php$fastcgi_script_name; "
                f"fastcgi_pass unix:{self.directory}/backend.sock; }}")
