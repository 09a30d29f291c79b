"""The HTTP edge that all services share: routes as data, one way to parse, refuse and answer.

A service declares an `Api` in its `api.py`; its `app.py` builds the application and serves it.
"""

from shared.web.call import Call, Page, Reply, etag
from shared.web.problems import PROBLEM_TYPE, STATUS, status_of
from shared.web.routes import Api, Route
from shared.web.server import Limits, build_app, serve

__all__ = [
    "PROBLEM_TYPE",
    "STATUS",
    "Api",
    "Call",
    "Limits",
    "Page",
    "Reply",
    "Route",
    "build_app",
    "etag",
    "serve",
    "status_of",
]
