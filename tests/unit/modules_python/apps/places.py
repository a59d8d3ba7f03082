"""Where this Python comes from."""
import sys


def application(environ, start_response):
    start_response("200 OK", [])
    path = "|".join(sys.path)
    return [f"prefix={sys.prefix}\nbase={sys.base_prefix}\nexecutable={sys.executable}\n"
            f"path={path}\nsignals={__import__('signal').getsignal(2)}\n".encode()]
