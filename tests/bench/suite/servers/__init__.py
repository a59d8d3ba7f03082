"""All servers there are, in the order of the tables. A new one: a subclass of Server in a file of
this folder, and its name here."""
from suite.servers.go_http import GoHttp
from suite.servers.haproxy import HAProxy
from suite.servers.nginx import Nginx, NginxPhp, NginxUwsgi
from suite.servers.patchbay import Patchbay
from suite.servers.python_servers import Gunicorn, Uvicorn, Uwsgi

SERVERS = [Patchbay, Nginx, HAProxy, Uwsgi, NginxUwsgi, Gunicorn, Uvicorn, NginxPhp, GoHttp]
