"""Our own API from inside of this process: the whole of it, as the web server would call it, without a web server."""

import io
import json
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler


def post(path: str, raw: bytes, headers: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
    """Status and body of a POST of JSON. It runs on this process's connection: what it writes belongs to the caller's
    transaction."""
    host = next((one for one in settings.ALLOWED_HOSTS if one not in ("*",) and not one.startswith(".")), "localhost")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "POST", "PATH_INFO": path, "QUERY_STRING": "", "SERVER_NAME": host, "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1", "HTTP_HOST": host, "REMOTE_ADDR": "127.0.0.1",
        "HTTP_X_FORWARDED_PROTO": "https", "CONTENT_LENGTH": str(len(raw)), "CONTENT_TYPE": "application/json",
        "wsgi.version": (1, 0), "wsgi.url_scheme": "https", "wsgi.input": io.BytesIO(raw),
        "wsgi.errors": io.StringIO(), "wsgi.multithread": False, "wsgi.multiprocess": False, "wsgi.run_once": False,
        **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()},
    }  # fmt: skip
    handler = WSGIHandler()
    # Not called as a server does: then a request would close the connection that holds the caller's transaction.
    answer: Any = handler.get_response(handler.request_class(environ))
    return answer.status_code, json.loads(answer.content or b"{}")
