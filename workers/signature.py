"""The arguments of a task, as its function's signature says them: checked, kept as JSON, and given to the function.

One pydantic model stands at both ends: what a submit is checked by is what makes Python's values of JSON in the worker.
"""

import inspect
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final, Optional

from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticSchemaGenerationError
from pydantic.fields import FieldInfo

from workers.errors import BadArguments, HeadwayError, WireError
from workers.fields import check, cut, shown, with_fields
from workers.schema import strict
from workers.shape import DEPTH_LIMIT, is_too_deep, shares_a_name
from workers.wire import encode

REASON_LIMIT: Final = 300  # characters
# numbers that JSON lacks are refused where they come in; Redis may hold some of the release before
CONFIG: Final = ConfigDict(extra="forbid", ser_json_inf_nan="constants")
KINDS: Final = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}


class Signature:
    """What one function takes. Raises `HeadwayError`, which says why, where that can't come as JSON."""

    def __init__(self, name: str, function: Callable[..., Any]) -> None:
        self._name = name
        self._function = function
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise HeadwayError("it has `yield`: none of it would run. A task returns its result")
        parameters = inspect.signature(function).parameters.values()
        for parameter in parameters:
            if parameter.kind in KINDS:
                raise HeadwayError(f"{KINDS[parameter.kind]}{parameter.name}: a task's arguments need a name each")
        self._parameters = list(parameters)
        # names of our own for the fields: pydantic holds none called _x, model_config, json or copy
        self._fields = {parameter.name: f"value_{at}" for at, parameter in enumerate(parameters)}
        self._definitions = {parameter.name: self._definition(parameter) for parameter in parameters}
        self._ones = {parameter.name: self._model(parameter.name) for parameter in parameters}
        self.model = self._model(*self._fields)
        # JSON can't hold these defaults, or they are none of their type: the function has them
        self._left = {name for name in self._fields if self._has_default(name) and not self._keeps_default(name)}
        self.schema = self._described()  # JSON Schema of the arguments

    def _definition(self, parameter: inspect.Parameter) -> Any:
        annotation = parameter.annotation
        if annotation is parameter.empty:
            annotation = Any
        elif isinstance(annotation, str):
            try:
                annotation = eval(annotation, getattr(inspect.unwrap(self._function), "__globals__", {}))
            except Exception as error:
                raise HeadwayError(f"{parameter.name}: its type {annotation!r} can't be read: {error}") from error
        default = parameter.default
        if isinstance(default, FieldInfo):
            return Annotated[annotation, default], Field(alias=parameter.name)
        if default is parameter.empty:
            return annotation, Field(alias=parameter.name)
        if default is None:
            annotation = Optional[annotation]  # noqa: UP045  # `|` takes no text as its side
        return annotation, Field(default=default, alias=parameter.name)

    def _model(self, *names: str) -> type[BaseModel]:
        definitions = {self._fields[name]: self._definitions[name] for name in names}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                made: type[BaseModel] = create_model(
                    self._name, __config__=CONFIG, __module__=self._function.__module__, **definitions
                )
                if not made.__pydantic_complete__:
                    made.model_rebuild()
                schema = made.model_json_schema()
        except PydanticSchemaGenerationError as error:
            raise HeadwayError(f"{', '.join(names)}: pydantic can't describe this type: {_line(error)}") from error
        except PydanticInvalidForJsonSchema as error:
            raise HeadwayError(f"{', '.join(names)}: no JSON can be of this type: {_line(error)}") from error
        except Exception as error:  # whatever a type of somebody's raises
            raise HeadwayError(f"{', '.join(names)}: {_line(error)}") from error
        if _is_secret(schema):
            raise HeadwayError(f"{', '.join(names)}: a secret can't be an argument: arguments are kept and shown")
        return made

    def _described(self) -> dict[str, Any]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of defaults that JSON can't hold, which it leaves out
            schema = strict(self.model.model_json_schema())
        for name in self._left:
            schema["properties"][name].pop("default", None)
        return schema

    def _has_default(self, name: str) -> bool:
        return not self._ones[name].model_fields[self._fields[name]].is_required()

    def _keeps_default(self, name: str) -> bool:
        try:
            made = self._ones[name]()
            value = _dump(made)[name]
            encode(value)
            return not is_too_deep(value) and self._is_again(name, value, made)
        except Exception:  # whatever a default of somebody's raises
            return False

    # -- where a job is made

    def bind(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """All arguments by their names. Raises `BadArguments`."""
        names = [one.name for one in self._parameters if one.kind is not one.KEYWORD_ONLY]
        if len(args) > len(names):
            expected, got = f"at most {len(names)} without a name", f"{len(args)}"
            raise BadArguments(f"{self._name}: too many arguments", {"args": {"expected": expected, "got": got}})
        bound = dict(zip(names, args, strict=False))
        for name in bound:
            if name in kwargs:
                wrong = {name: {"expected": "one value", "got": "one with its name and one without"}}
                raise BadArguments(f"{self._name}: wrong arguments: {name}", wrong)
        return {**bound, **kwargs}

    def keep(self, args: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
        """`args` as JSON values of which the worker makes the same again, with defaults; and their text.

        Raises `BadArguments` naming each field that is wrong.
        """
        checked = self._checked(args)
        given = checked.model_fields_set
        left = {self._fields[name] for name in self._left if self._fields[name] not in given}
        try:
            values = _dump(checked, exclude=left)
            is_same = all(_equal(values[name], args[name]) for name in args)
        except Exception:  # a value that JSON has no form for, or whatever one of somebody's raises
            is_same = False
        if not is_same:
            names = [name for name, field in self._fields.items() if field not in left]
            values = {name: self._kept(name, checked, args) for name in names}
        try:
            text = encode(values)
        except WireError:
            text = ""
        if not text or any(map(is_too_deep, values.values())) or (not is_same and shares_a_name(values)):
            raise self._unkept(values)
        return values, text

    def _kept(self, name: str, checked: BaseModel, args: Mapping[str, Any]) -> Any:
        """The value of one argument: pydantic's JSON if that comes back as the same, else what was given."""
        try:
            value = _dump(checked, include={self._fields[name]})[name]
        except Exception:  # as above
            return args.get(name)
        try:
            encode(value)
        except WireError:
            return value  # NaN or Infinity
        return value if self._is_again(name, value, checked) else args.get(name, value)

    def _is_again(self, name: str, value: Any, checked: BaseModel) -> bool:
        """Whether the worker makes of `value` what `checked` has."""
        field = self._fields[name]
        try:
            again = check(self._ones[name], {name: value}, what=self._name)
        except BadArguments:
            return False
        return _equal(getattr(again, field), getattr(checked, field))

    def _unkept(self, values: Mapping[str, Any]) -> BadArguments:
        fields = {}
        for name, value in values.items():
            try:
                encode(value)
                wrong = "an object whose names differ in JSON" if shares_a_name(value) else ""
            except WireError:
                wrong = "a finite number" if isinstance(value, float) else "a value that JSON can hold"
            if is_too_deep(value):
                wrong = f"lists and objects at most {DEPTH_LIMIT} deep in each other"
            if wrong:
                fields[name] = {"expected": wrong, "got": shown(value)}
        return BadArguments(f"{self._name}: wrong arguments: {', '.join(sorted(fields))}", fields)

    # -- where it runs

    def call(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """What the function returns for arguments that were kept. Raises `BadArguments`, and what it raises."""
        try:
            checked = self._checked(self.bind(args, kwargs))
        except BadArguments as error:
            raise BadArguments(with_fields(error), error.fields, error.code) from None
        given = checked.model_fields_set
        placed, named = [], {}
        for parameter in self._parameters:
            field = self._fields[parameter.name]
            if parameter.name in self._left and field not in given:
                value = parameter.default
                if isinstance(value, FieldInfo):
                    value = getattr(checked, field)
            else:
                value = getattr(checked, field)
            if parameter.kind is parameter.POSITIONAL_ONLY:
                placed.append(value)
            else:
                named[parameter.name] = value
        return self._function(*placed, **named)

    def _checked(self, args: Mapping[str, Any]) -> BaseModel:
        data = args if isinstance(args, dict) else dict(args)
        return check(self.model, data, what=f"{self._name}: wrong arguments", whole="args")


def _dump(checked: BaseModel, **which: Any) -> dict[str, Any]:
    return checked.model_dump(mode="json", by_alias=True, round_trip=True, warnings=False, **which)


def _equal(one: Any, other: Any) -> bool:
    try:
        return bool(one == other)
    except Exception:  # whatever somebody's __eq__ raises, or an array's truth
        return False


def _is_secret(schema: Any) -> bool:
    if isinstance(schema, dict):
        return schema.get("writeOnly") is True or any(map(_is_secret, schema.values()))
    return isinstance(schema, list) and any(map(_is_secret, schema))


def _line(error: Exception) -> str:
    """The first line of what an error says, without pydantic's advice on itself."""
    return cut(str(error).strip().partition("\n")[0].partition(" Set `arbitrary_types_allowed")[0], REASON_LIMIT)
