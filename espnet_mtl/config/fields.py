"""Option classes: what a section of a configuration may hold, and one error for every mistake in it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Collection, Mapping
from math import inf
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PydanticUserError,
    TypeAdapter,
    ValidationError,
    create_model,
)
from pydantic.fields import FieldInfo

from espnet_mtl.errors import UserError, one_of, shown

# A field's description is what its error message says of it.
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False, description="a number, not negative")]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False, description="a number above 0")]
Number = Annotated[float, Field(allow_inf_nan=False, description="a number")]
Share = Annotated[float, Field(ge=0, lt=1, description="a number in [0, 1)")]
Count = Annotated[int, Field(ge=0, description="a whole number, not negative")]
AtLeastOne = Annotated[int, Field(ge=1, description="a whole number of at least 1")]
Switch = Annotated[bool, Field(description="true or false")]
File = Annotated[str, Field(min_length=1, description="the path of a file")]
Name = Annotated[str, Field(min_length=1, description="a name")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="a SHA-256 of 64 hexadecimal digits")]

WIDEST, DEEPEST = 2**13, 128
"""Largest layer, and most layers: a slip of the keyboard would else fill the memory after all data are prepared."""

LARGEST_WHOLE = 1e15
"""Beyond it, not every whole number is a float."""


def whole(low: int, high: int) -> Any:
    """Makes the field of a whole number from `low` to `high`."""
    return Field(ge=low, le=high, description=f"a whole number from {low} to {high}")


Seed = Annotated[int, whole(0, 2**32 - 1)]
Width = Annotated[int, whole(1, WIDEST)]
Depth = Annotated[int, whole(0, DEEPEST)]
Layers = Annotated[int, whole(1, DEEPEST)]

NOT_EVALUATED = (NameError, AttributeError, SyntaxError, TypeError)
"""What an annotation raises that is for type checkers only, such as a name that only they import: every value is
taken."""


class Options(BaseModel):
    """Options of one thing; a subclass stands beside what it configures and names them, their types and defaults."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, arbitrary_types_allowed=True)


def build[OptionsT: Options](options: type[OptionsT], given: object, where: str) -> OptionsT:
    """Builds options from what a file or a command line says.

    Args:
        options: The options class.
        given: Values by name.
        where: How the section is called, such as `tasks.emotion`; "" for the whole file.

    Raises:
        UserError: An unknown key, or a value that is not what its option takes; the message names the key and what
            would be right.
    """
    if not isinstance(given, Mapping):
        raise UserError(f"{where}: expected 'key: value' lines, got {shown(given)}")
    known(f"key of {where}", given, options.model_fields)
    try:
        return options(**given)
    except ValidationError as error:
        raise explained(error, options, where) from error


def explained(error: ValidationError, options: type[Options], where: str) -> UserError:
    """Says the first thing that is wrong with the values of an options class."""
    first = error.errors()[0]
    if not first["loc"]:  # of the values together, by a validator of the class
        return UserError(f"{where}: {first.get('ctx', {}).get('error', first['msg'])}")
    key = str(first["loc"][0])
    if first["type"] == "extra_forbidden":
        return one_of(f"key of {where}", key, options.model_fields)
    if key not in options.model_fields:  # of another class, which a constructor of the user's own builds
        return UserError(f"{where}: {key}: {first['msg']}, got {shown(first['input'])}")
    named = f"{where}.{key}" if where else key
    if first["type"] == "missing":
        return UserError(f"{where}: {key} is missing: {_wanted(options.model_fields[key])}")
    field = options.model_fields[key]
    value = first["input"]
    choices = _choices(field.annotation)
    if choices:
        return one_of(named, value, choices)
    return UserError(f"{named}: {_wanted(field)}, got {shown(value)}{_hint(key, field, value)}")


def _hint(key: str, field: FieldInfo, value: object) -> str:
    """Says what YAML made of what was written: no becomes a truth value, and 1e-3 a text."""
    if isinstance(value, bool):
        word = "yes, on and true" if value else "no, off and false"
        instead = ", or take nb for Norwegian Bokmål" if key == "language" and not value else ""
        return f" (YAML takes {word} for a truth value: quote it{instead})"
    if isinstance(value, int | float) and field.annotation is str:
        return " (YAML takes it for a number: quote it)"
    if isinstance(value, float) and value.is_integer() and abs(value) < LARGEST_WHOLE:
        return f" (a whole number has no decimal point: write {value:.0f})"
    if not isinstance(value, str):
        return ""
    if re.fullmatch(r"[+-]?\d+(\.\d*)?", value):
        return " (it is quoted, and so a text: leave the quotes out)"
    found = re.fullmatch(r"([+-]?\d+)(\.?\d*)[eE]([+-]?)(\d+)", value)
    if not found:
        return ""
    whole, decimals, sign, power = found.groups()
    decimals = decimals if len(decimals) > 1 else ".0"
    return f" (YAML reads that as text: write {whole}{decimals}e{sign or '+'}{power})"


def known(kind: str, given: Collection[str] | Mapping[str, Any], valid: Collection[str] | Mapping[str, Any]) -> None:
    """Raises UserError for the first of the given names that is not among the valid ones."""
    for name in given:
        if name not in valid:
            raise one_of(kind, name, map(str, valid))


def options_of_constructor[OptionsT: Options](
    cls: type, base: type[OptionsT], fixed: Collection[str]
) -> type[OptionsT]:
    """Makes the options class of a class that declares its options as arguments of its constructors.

    Args:
        cls: The class; the constructors of the classes that it inherits from count, too.
        base: Options that it has besides.
        fixed: Arguments that are not options, since the code gives them.

    Raises:
        UserError: An argument has a name that options cannot have.
    """
    fields: dict[str, Any] = {}
    for parent in reversed(cls.__mro__):
        for name, parameter in _constructor_arguments(parent).items():
            if name not in fixed and name not in base.model_fields:
                default = ... if parameter.default is parameter.empty else parameter.default
                annotation = Any if parameter.annotation is parameter.empty else parameter.annotation
                _check_argument(cls, name, base)
                fields[name] = (_lenient(annotation), default)
    return create_model(f"{cls.__name__}Options", __base__=base, **fields) if fields else base


def _check_argument(cls: type, name: str, base: type[Options]) -> None:
    if name.startswith("_") or hasattr(base, name):
        place = f"{cls.__module__}:{cls.__name__}"
        raise UserError(f"{place}: no option can be called {name!r}: rename this argument of the constructor")


def _lenient(annotation: Any) -> Any:
    """Returns a field type that takes what can be made into `annotation`: a list for a tuple, as YAML has no other."""
    if annotation is Any:
        return Any
    is_type = isinstance(annotation, type) or bool(get_args(annotation))
    try:
        # A name may be a number in YAML
        config = ConfigDict(arbitrary_types_allowed=is_type, coerce_numbers_to_str=True)
        adapter: TypeAdapter[Any] = TypeAdapter(annotation, config=config)
        adapter.rebuild()  # raises where it names what is not defined
    except (PydanticUserError, *NOT_EVALUATED):
        return Any
    description = str(annotation) if get_args(annotation) else getattr(annotation, "__name__", str(annotation))
    return Annotated[Any, AfterValidator(adapter.validate_python), Field(description=description)]


def _constructor_arguments(cls: type) -> dict[str, inspect.Parameter]:
    """Returns the arguments that a class's own constructor takes by name."""
    if "__init__" not in vars(cls):
        return {}
    constructor = vars(cls)["__init__"]
    try:
        _, *parameters = inspect.signature(constructor, eval_str=True).parameters.values()
    except NOT_EVALUATED:
        _, *parameters = inspect.signature(constructor).parameters.values()
        parameters = [parameter.replace(annotation=Any) for parameter in parameters]
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {parameter.name: parameter for parameter in parameters if parameter.kind in named}


def _wanted(field: FieldInfo) -> str:
    """Says what an option takes."""
    if field.description:
        return field.description
    types = get_args(field.annotation)
    described = [_description(one) for one in types if one is not NoneType]
    if NoneType in types and all(described):
        return f"{' or '.join(described)}, or null"
    return getattr(field.annotation, "__name__", str(field.annotation))


def _description(annotation: Any) -> str:
    """Returns the description of an annotated type such as `Positive`; "" where it has none."""
    metadata = getattr(annotation, "__metadata__", ())
    return next((one.description or "" for one in metadata if isinstance(one, FieldInfo)), "")


def _choices(annotation: Any) -> tuple[str, ...]:
    """Returns the values of a `Literal`, which may be null."""
    types = get_args(annotation) if NoneType in get_args(annotation) else (annotation,)
    literals = [one for one in types if get_origin(one) is Literal]
    return get_args(literals[0]) if literals else ()


def is_number(value: object) -> bool:
    """Tells whether this is a finite number of at least 0."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < inf
