"""What a field of a request may hold: texts, numbers and lists that several endpoints take."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import (
    Field,
    PlainValidator,
    SerializerFunctionWrapHandler,
    WithJsonSchema,
    WrapSerializer,
)

from mh_preflight.errors import InputError
from mh_preflight.units import MAX_SECONDS, exact

__all__ = [
    "Choice",
    "Finite",
    "ImageCount",
    "Many",
    "Resolution",
    "ScaleFactor",
    "Slider",
    "WholeSeconds",
]

MOST_IMAGES = 16
SLIDER_END, SLIDER_STEP = 100, 5

Item = TypeVar("Item")


def _number(value: object) -> int | float:
    if not isinstance(value, int | float):
        raise InputError("must be a number")
    exact(value)  # refuses yes and no, NaN and infinity
    return value


def _image_count(value: object) -> int | float:
    number = _number(value)
    if number not in range(1, MOST_IMAGES + 1):
        raise InputError(f"must be a whole number from 1 to {MOST_IMAGES}")
    return number


def _whole_seconds(value: object) -> int | float:
    number = _number(value)
    if not 1 <= number <= MAX_SECONDS or number % 1:
        raise InputError(f"must be a whole number from 1 to {MAX_SECONDS}")
    return number


def _scale_factor(value: object) -> int | float:
    number = _number(value)
    if number not in {2, 4}:
        raise InputError("must be 2 or 4")
    return number


def _slider(value: object) -> int | float:
    number = _number(value)
    if not -SLIDER_END <= number <= SLIDER_END or number % SLIDER_STEP:
        raise InputError(f"must be from -{SLIDER_END} to {SLIDER_END}, in steps of {SLIDER_STEP}")
    return number


def _listed(items: tuple[object, ...], dump: SerializerFunctionWrapHandler) -> list[Any]:
    return list(dump(items))


# Which of them exist grows with the vendor: dated data knows it, and a model that did would refuse
# tomorrow's names.
Choice: TypeAlias = Annotated[str, Field(strict=True, min_length=1)]
Resolution: TypeAlias = Annotated[str, Field(strict=True, pattern="^[a-z0-9]+$")]

# A tuple cannot change once it is checked; it goes out as the list that the API takes.
Many: TypeAlias = Annotated[tuple[Item, ...], WrapSerializer(_listed)]

# A whole number stays whole and a float a float, so that the body goes out as it came in.
Finite: TypeAlias = Annotated[float, PlainValidator(_number), WithJsonSchema({"type": "number"})]
ImageCount: TypeAlias = Annotated[
    float,
    PlainValidator(_image_count),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MOST_IMAGES}),
]
WholeSeconds: TypeAlias = Annotated[
    float,
    PlainValidator(_whole_seconds),
    WithJsonSchema({"type": "integer", "minimum": 1}),
]
ScaleFactor: TypeAlias = Annotated[
    float, PlainValidator(_scale_factor), WithJsonSchema({"type": "number", "enum": [2, 4]})
]
Slider: TypeAlias = Annotated[
    float,
    PlainValidator(_slider),
    WithJsonSchema(
        {
            "type": "number",
            "minimum": -SLIDER_END,
            "maximum": SLIDER_END,
            "multipleOf": SLIDER_STEP,
        }
    ),
]
