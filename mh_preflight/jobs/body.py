"""How is a request body read, and what is said where one is wrong?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel

from mh_preflight.errors import InputError, JobError
from mh_preflight.units import nearest, one_line, plain_reason

if TYPE_CHECKING:
    from pydantic import ValidationError

    from mh_preflight.jobs.base import Job

__all__ = ["job_error", "json_object"]


def json_object(text: str | bytes) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        JobError: It is none.
    """
    try:
        body = json.loads(text, object_pairs_hook=_once)
    except JobError:
        raise
    except (ValueError, RecursionError) as error:
        raise JobError(f"the request body is no JSON: {error}") from None
    if not isinstance(body, dict):
        raise JobError("the request body must be a JSON object")
    return body


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    body = dict(pairs)
    if len(body) < len(pairs):
        names = [name for name, _ in pairs]
        twice = one_line(next(name for name in names if names.count(name) > 1))
        raise JobError(f"{twice}: stands twice in the request body", field=twice)
    return body


def job_error(cls: type[Job], error: ValidationError) -> JobError:
    """Say in one line what is wrong: the fields that there are not first, then where else.

    Args:
        cls: The job's model.
        error: What pydantic found.
    """
    found: dict[str, dict[str, str | None]] = {}
    details = error.errors(include_url=False)
    for detail in sorted(details, key=lambda each: each["type"] != "extra_forbidden"):
        names = [str(part) for part in detail["loc"]]
        cause = detail.get("ctx", {}).get("error")
        if isinstance(cause, InputError) and cause.field:
            names.append(cause.field)
        unknown = detail["type"] == "extra_forbidden"
        reason = f"{cls.endpoint} has no such field" if unknown else plain_reason(detail)
        near = _near(cls, detail["loc"]) if unknown else None
        found.setdefault(reason, {})[".".join(names)] = near
    (reason, fields), *others = found.items()
    meant = {".".join([*field.split(".")[:-1], near]) for field, near in fields.items() if near}
    (first, near), *same = fields.items()
    parts = [f"{first}: {reason}" if first else reason]
    parts[0] += f": did you mean {near}?" if near else ""
    parts[0] += f" (and {', '.join(field for field, _ in same)})" if same else ""
    for why, elsewhere in others:
        left = [field for field in elsewhere if field not in meant]
        parts += [f"{', '.join(left)}: {why}"] if left else []
    return JobError(one_line("; ".join(parts)), field=first or None)


def _near(cls: type[Job], place: tuple[int | str, ...]) -> str | None:
    """Find the field that was probably meant."""
    model: type[BaseModel] | None = cls
    for part in place[:-1]:
        if isinstance(part, str) and model is not None:
            field = model.model_fields.get(part)
            model = None if field is None else _model_in(field.annotation)
    known = {} if model is None else model.model_fields
    return nearest(str(place[-1]), [field.alias or name for name, field in known.items()])


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Find the model that a field holds, or a list of it."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for each in get_args(annotation) if (found := _model_in(each))), None)
