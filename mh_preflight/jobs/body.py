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
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                shown = one_line(name)
                raise JobError(f"{shown}: stands twice in the request body", field=shown)
            seen.add(name)
    return body


def job_error(cls: type[Job], error: ValidationError) -> JobError:
    """Say in one line what is wrong: the fields that there are not first, then where else.

    Args:
        cls: The job's model.
        error: What pydantic found.
    """
    found: dict[str, list[str]] = {}
    near: str | None = None
    meant: set[str] = set()
    details = error.errors(include_url=False)
    for detail in sorted(details, key=lambda each: each["type"] != "extra_forbidden"):
        names = [str(part) for part in detail["loc"]]
        cause = detail.get("ctx", {}).get("error")
        if isinstance(cause, InputError) and cause.field:
            names.append(cause.field)
        field = ".".join(name or "''" for name in names)
        if detail["type"] == "extra_forbidden":
            reason, guess = f"{cls.endpoint} has no such field", _near(cls, detail["loc"])
            near = near if found else guess
            meant.add(".".join([*names[:-1], guess or ""]))
        elif detail["type"] == "missing" and field in meant:
            continue
        else:
            reason = plain_reason(detail)
        found.setdefault(reason, []).append(field)
    (reason, (first, *same)), *others = found.items()
    text = f"{first}: {reason}" if first else reason
    text += f": did you mean {near}?" if near else ""
    text += f" (and {', '.join(same)})" if same else ""
    text += "".join(f"; {', '.join(fields)}: {why}" for why, fields in others)
    return JobError(one_line(text), field=first or None)


def _near(cls: type[Job], place: tuple[int | str, ...]) -> str | None:
    """Find the field that was probably meant."""
    model: type[BaseModel] | None = cls
    for part in place[:-1]:
        if isinstance(part, str) and model is not None:
            field = model.model_fields.get(part)
            model = None if field is None else _model_in(field.annotation)
    fields = {} if model is None else model.model_fields
    known = [field.serialization_alias or name for name, field in fields.items()]
    return nearest(str(place[-1]), known)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Find the model that a field holds, or a list of it."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for each in get_args(annotation) if (found := _model_in(each))), None)
