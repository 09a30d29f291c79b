"""Write release data as JSON text whose numbers are exact."""

import json
from decimal import Decimal

Data = None | bool | int | str | Decimal | list["Data"] | dict[str, "Data"]
"""JSON data; a `Decimal` is a number."""


def json_text(data: Data) -> str:
    """Write data as JSON; a decimal becomes a number with just its own digits, never a float."""
    match data:
        case Decimal():
            return f"{data:f}"
        case list():
            return f"[{', '.join(json_text(member) for member in data)}]"
        case dict():
            members = (f"{json.dumps(name)}: {json_text(member)}" for name, member in data.items())
            return f"{{{', '.join(members)}}}"
        case _:
            return json.dumps(data)
