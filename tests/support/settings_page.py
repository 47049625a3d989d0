"""Writes docs/settings.md from the models that check the settings.

`python -m tests.support.settings_page` writes the page; a test compares it with the models.
"""

from __future__ import annotations

import ast
import inspect
import json
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"
HEAD = """\
# Settings

<!-- Written by `make docs` from the models in the code; a test compares them. -->

One file, `segue.toml`, holds the settings of the jobs and of the service. `segue --config FILE`
names another; without one, `segue.toml` in the folder where the program starts is read where it
exists. Every key has a default, so an empty or absent file is fine.

```toml
[feed]
size = 30

[store]
url = "postgresql+psycopg://segue@db.internal/segue"

[world.create]
tracks = 100
```

A variable stands over the file: `SEGUE_FEED__SIZE=30`, `SEGUE_WORLD__CREATE__TRACKS=100`. Section
and keys are separated by two underscores; a value is read as JSON where it is JSON, else as text.

Everything is checked whole before anything runs. An unknown section, key or variable and a value
outside its limits are all named in one message, and the program ends with code 2.
"""


def render() -> str:
    """Return the page as it should be."""
    parts = [HEAD]
    for path, model in _sections():
        parts.append(f"\n## `[{path}]`\n\n{_first_paragraph(model)}\n\n{_table(path, model)}")
    return "".join(parts)


def _sections() -> Iterator[tuple[str, type[BaseModel]]]:
    from pipelines.settings import PipelineSettings
    from service.settings import Settings as ServiceSettings

    # A section that both declare is told as the jobs do, who know the whole of it.
    sections = {
        name: field.annotation
        for fields in (PipelineSettings.model_fields, ServiceSettings.model_fields)
        for name, field in fields.items()
        if fields is PipelineSettings.model_fields or name not in PipelineSettings.model_fields
    }
    for name, model in sections.items():
        yield from _nested(name, model)


def _nested(path: str, model: Any) -> Iterator[tuple[str, type[BaseModel]]]:
    if any(not _is_model(field) for field in model.model_fields.values()):
        yield path, model
    for name, field in model.model_fields.items():
        if _is_model(field):
            yield from _nested(f"{path}.{name}", field.annotation)


def _is_model(field: FieldInfo) -> bool:
    return inspect.isclass(field.annotation) and issubclass(field.annotation, BaseModel)


def _table(path: str, model: type[BaseModel]) -> str:
    defaults = _defaults(path)
    lines = ["| key | default | limits | meaning |", "| --- | --- | --- | --- |"]
    for name, field in model.model_fields.items():
        if not _is_model(field):
            words = _docstrings(model).get(name, "")
            assert words, f"{model.__name__}.{name} has no docstring; settings need one"
            cells = (f"`{name}`", f"`{_json(defaults[name])}`", _limits(field), words)
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _defaults(path: str) -> dict[str, Any]:
    """Return the values that hold where nothing is set; a section may override its model's own."""
    from pipelines.settings import PipelineSettings
    from service.settings import Settings as ServiceSettings

    first, *rest = path.split(".")
    settings = PipelineSettings if first in PipelineSettings.model_fields else ServiceSettings
    value: Any = getattr(settings(), first)
    for name in rest:
        value = getattr(value, name)
    return {name: getattr(value, name) for name in type(value).model_fields}


def _json(value: Any) -> str:
    if value is PydanticUndefined:
        return ""
    return json.dumps(
        value, default=lambda v: v.model_dump() if isinstance(v, BaseModel) else str(v)
    )


def _limits(field: FieldInfo) -> str:
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    found = [
        f"{sign} {getattr(limit, name)}"
        for limit in field.metadata
        for name, sign in signs.items()
        if getattr(limit, name, None) is not None
    ]
    choices = getattr(field.annotation, "__args__", ())
    if choices and all(isinstance(choice, str) for choice in choices):
        found += [", ".join(f"`{choice}`" for choice in choices)]
    return ", ".join(found)


def _docstrings(model: type[BaseModel]) -> dict[str, str]:
    """Return field → the string that stands under it in the source, the nearest class first."""
    found: dict[str, str] = {}
    for cls in reversed(model.__mro__):
        if cls is BaseModel or not issubclass(cls, BaseModel):
            continue
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
        assert isinstance(tree, ast.ClassDef)
        for above, below in zip(tree.body, tree.body[1:], strict=False):
            if isinstance(above, ast.AnnAssign) and isinstance(above.target, ast.Name):
                text = getattr(getattr(below, "value", None), "value", None)
                if isinstance(below, ast.Expr) and isinstance(text, str):
                    found[above.target.id] = " ".join(text.split())
    return found


def _first_paragraph(model: type[BaseModel]) -> str:
    return " ".join((inspect.getdoc(model) or "").split("\n\n")[0].split())


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
