"""Render an OpenAPI document as one page that a person can read.

The page is whole in itself: no script, no font, no address outside; its one style is allowed by
its hash. It follows the reader's light or dark, and turns its tables into lists on a phone.
"""

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template
from typing import Any, Final

from shared.web.openapi import Document

Schema = Mapping[str, Any]

_TEMPLATE: Final = Path(__file__).with_name("reference.html")
_STYLE: Final = re.compile(r"<style>(.*?)</style>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ReferencePage:
    """A page, and the content security policy under which it is shown."""

    html: str
    security_policy: str


def reference_page(document: Document) -> ReferencePage:
    """Render the whole document."""
    operations = list(_operations(document))
    html = Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=escape(document["info"]["title"]),
        version=escape(document["info"]["version"]),
        contents=_contents(operations),
        operations="\n".join(_group(tag, members) for tag, members in _by_tag(operations)),
        schemas="\n".join(_model(*item) for item in document["components"]["schemas"].items()),
    )
    style = _STYLE.search(html)
    digest = hashlib.sha256(style[1].encode() if style else b"").digest()
    policy = (
        f"default-src 'none'; style-src 'sha256-{base64.b64encode(digest).decode()}'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return ReferencePage(html, policy)


@dataclass(frozen=True, slots=True)
class _Operation:
    method: str
    path: str
    content: Schema

    @property
    def anchor(self) -> str:
        return escape(str(self.content["operationId"]))

    @property
    def tag(self) -> str:
        return str(self.content["tags"][0])

    @property
    def name(self) -> str:
        return (
            f'<span class="method {self.method}">{self.method}</span> '
            f"<code>{escape(self.path)}</code>"
        )


def _operations(document: Document) -> Iterator[_Operation]:
    for path, methods in document["paths"].items():
        for method, content in methods.items():
            yield _Operation(method.upper(), path, content)


def _by_tag(operations: Iterable[_Operation]) -> list[tuple[str, list[_Operation]]]:
    groups: dict[str, list[_Operation]] = {}
    for operation in operations:
        groups.setdefault(operation.tag, []).append(operation)
    return list(groups.items())


def _contents(operations: Iterable[_Operation]) -> str:
    lines = [
        f'<li><a href="#{operation.anchor}">{operation.name}</a> '
        f'<span class="soft">{escape(operation.content["summary"])}</span></li>'
        for operation in operations
    ]
    return f"<ul>{''.join(lines)}</ul>"


def _group(tag: str, operations: Iterable[_Operation]) -> str:
    title = escape(tag.replace("-", " ").replace("_", " ").capitalize())
    articles = "\n".join(_article(operation) for operation in operations)
    return f"<section>\n<h2>{title}</h2>\n{articles}\n</section>"


def _article(operation: _Operation) -> str:
    content = operation.content
    parts = [
        f'<article id="{operation.anchor}">',
        f"<h3>{operation.name}</h3>",
        f"<p>{escape(content['summary'])}. {_needs(content)}</p>",
        _prose(content.get("description", "")),
        _parameters(content.get("parameters", ())),
        _body(content.get("requestBody")),
        _answers(content["responses"]),
        "</article>",
    ]
    return "\n".join(part for part in parts if part)


def _needs(content: Schema) -> str:
    scopes = [scope for rule in content["security"] for scope in rule["bearer"]]
    if not scopes:
        return '<span class="soft">Open to all.</span>'
    return f'<span class="soft">Needs the scope</span> <code>{escape(" ".join(scopes))}</code>.'


def _prose(text: str) -> str:
    paragraphs = [escape(paragraph) for paragraph in text.split("\n\n") if paragraph.strip()]
    return "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)


def _parameters(parameters: Iterable[Schema]) -> str:
    rows = [
        (
            f"<code>{escape(parameter['name'])}</code>",
            parameter["in"] + (", required" if parameter["required"] else ""),
            f"{_type(parameter['schema'])}. {escape(parameter.get('description', ''))}",
        )
        for parameter in parameters
    ]
    return _table("Parameters", ("Name", "Place", "What"), rows)


def _body(body: Schema | None) -> str:
    if body is None:
        return ""
    kinds = [
        f"<code>{escape(kind)}</code>: {_type(content['schema'])}"
        for kind, content in body["content"].items()
    ]
    return f"<h4>Body</h4><p>{'; '.join(kinds)}. {escape(body['description'])}</p>"


def _answers(responses: Mapping[str, Schema]) -> str:
    good = [
        (f"<code>{status}</code>", escape(answer["description"]), _answer_types(answer))
        for status, answer in responses.items()
        if int(status) < 400  # noqa: PLR2004 - HTTP's own number
    ]
    refused = [
        (f"<code>{status}</code>", f"<code>{escape(code)}</code>", escape(sentence))
        for status, answer in responses.items()
        for code, sentence in _CODE.findall(answer["description"])
    ]
    refusals = _table("", ("Status", "Code", "When"), refused)
    return (
        _table("Answer", ("Status", "Meaning", "Content"), good)
        + f"<details><summary>Refusals ({len(refused)})</summary>{refusals}</details>"
    )


_CODE: Final = re.compile(r"^- `(\w+)`: (.*)$", re.MULTILINE)
"""One refusal in a description, as the document writes it."""


def _answer_types(answer: Schema) -> str:
    return "; ".join(
        f"<code>{escape(kind)}</code>: {_type(content['schema'])}"
        for kind, content in answer.get("content", {}).items()
    )


def _model(name: str, schema: Schema) -> str:
    required = schema.get("required", ())
    rows = [
        (
            f"<code>{escape(member)}</code>",
            _type(content) + ("" if member in required else ", optional"),
            escape(content.get("description", "")),
        )
        for member, content in schema.get("properties", {}).items()
    ]
    table = _table("", ("Member", "Type", "What"), rows) or f"<p>{_type(schema)}</p>"
    return (
        f'<article id="{_model_anchor(name)}"><h3><code>{escape(name)}</code></h3>'
        f"{_prose(schema.get('description', ''))}{table}</article>"
    )


def _model_anchor(name: str) -> str:
    return escape(f"model-{name}")


def _table(title: str, heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Lay out rows whose cells are HTML already; nothing at all when there is no row."""
    lines = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    if not lines:
        return ""
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    heading = f"<h4>{title}</h4>" if title else ""
    return (
        f'{heading}<div class="wide"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{lines}</tbody></table></div>"
    )


def _type(schema: Schema) -> str:
    """Say in a few words, as HTML, what a value may be."""
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        return f'<a href="#{_model_anchor(name)}"><code>{escape(name)}</code></a>'
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            return " or ".join(_type(option) for option in schema[choice] if option)
    if "const" in schema or "enum" in schema:
        values = [schema["const"]] if "const" in schema else schema["enum"]
        return " or ".join(f"<code>{escape(str(value))}</code>" for value in values)
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return _plain_type(schema)


_BOUNDS: Final = {
    "minimum": "at least {}",
    "exclusiveMinimum": "above {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "below {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
}


def _plain_type(schema: Schema) -> str:
    words = [str(schema.get("type", "any value"))]
    if "format" in schema:
        words[0] = str(schema["format"])
    words += [text.format(schema[key]) for key, text in _BOUNDS.items() if key in schema]
    return escape(", ".join(words))
