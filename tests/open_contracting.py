"""Hold release packages against the published schemas of the standard and of its extensions."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from jsonschema import Draft4Validator
from referencing import Registry
from referencing.jsonschema import DRAFT4

EXTENDED: Final = (
    "lots",
    "bid",
    "bidOpening",
    "awardCriteriaBreakdown",
    "contract_buyer",
    "techniques",
)
"""The extensions that releases use, by the folders of their patches."""

SCHEMAS: Final = Path(__file__).resolve().parent / "golden" / "ocds"


def release_schema() -> Any:
    """Merge the schema of releases with the patches of the extensions that are used."""
    merged = json.loads((SCHEMAS / "release-schema.json").read_text())
    for extension in EXTENDED:
        patch = json.loads((SCHEMAS / extension / "release-schema.json").read_text())
        merged = _patched(merged, patch)
    return merged


def package_validator(schema: Any) -> Draft4Validator:
    """Validate packages whose releases keep this schema."""
    package = json.loads((SCHEMAS / "release-package-schema.json").read_text())
    registry: Registry[Any] = Registry().with_resource(schema["id"], DRAFT4.create_resource(schema))
    return Draft4Validator(package, registry=registry)


def unknown_fields(data: Any, schema: Any, root: Any, path: str = "") -> Iterator[str]:
    """List the fields that a schema does not know, which it would let pass."""
    if "$ref" in schema:
        schema = root["definitions"][schema["$ref"].removeprefix("#/definitions/")]
    if isinstance(data, list):
        for member in data:
            yield from unknown_fields(member, schema.get("items", {}), root, path)
    elif isinstance(data, Mapping):
        known = schema.get("properties", {})
        for name, member in data.items():
            if name not in known:
                yield f"{path}/{name}"
            else:
                yield from unknown_fields(member, known[name], root, f"{path}/{name}")


def _patched(schema: Any, patch: Any) -> Any:
    """Patch a schema as extensions do. Source: RFC 7396."""
    if not isinstance(schema, dict) or not isinstance(patch, dict):
        return patch
    return {**schema, **{name: _patched(schema.get(name), part) for name, part in patch.items()}}
