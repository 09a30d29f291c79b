"""Talk to Commonlot from Python and from the shell.

`Client` is the way in for a program; `commonlot --help` for a person.
"""

from clients.client import Client
from clients.errors import Problem, Unreachable
from clients.http import Http, Patience
from clients.services import Services

__all__ = ["Client", "Http", "Patience", "Problem", "Services", "Unreachable"]
