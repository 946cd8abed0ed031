"""Convert a configuration to and from JSON, and change single settings by their types."""

import dataclasses
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from visionflan.errors import UnknownNameError, VisionflanError
from visionflan.plural import counted

Config = TypeVar("Config")

# A stage has one of each pair: what sets the one unsets the other.
ALTERNATIVES = (("epochs", "steps"), ("batch_size", "batch_tokens"))


class SettingError(VisionflanError):
    """A setting has a value that its type does not allow."""


def to_json(value: Any) -> Any:
    """Return a configuration as JSON values: objects, lists, numbers and strings."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {field.name: to_json(getattr(value, field.name)) for field in fields}
    if isinstance(value, tuple):
        return [to_json(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def from_json(config_type: type[Config], value: Any) -> Config:
    """Return a configuration of a class from the output of `to_json`."""
    config: Config = from_json_value(config_type, value)
    return config


def from_json_value(annotation: Any, value: Any) -> Any:
    """Return a value of an annotated type from its JSON value."""
    if dataclasses.is_dataclass(annotation) and isinstance(annotation, type):
        hints = get_type_hints(annotation)
        fields = {name: from_json_value(hints[name], item) for name, item in value.items()}
        return annotation(**fields)
    if get_origin(annotation) is tuple:
        return tuple(
            from_json_value(item_type(annotation, index), item) for index, item in enumerate(value)
        )
    if optional_type(annotation):
        return None if value is None else from_json_value(optional_type(annotation), value)
    return Path(value) if annotation is Path else value


def optional_type(annotation: Any) -> Any:
    """Return `T` of `T | None`, and None for a type that does not allow None."""
    if get_origin(annotation) not in (Union, types.UnionType):
        return None
    if type(None) not in get_args(annotation):
        return None
    return next(choice for choice in get_args(annotation) if choice is not type(None))


def item_type(annotation: Any, index: int) -> Any:
    """Return the type of one item of a tuple."""
    args = get_args(annotation)
    return args[0] if len(args) == 2 and args[1] is Ellipsis else args[index]


def override(config: Config, setting: str) -> Config:
    """Return a copy with one setting changed, written as `name=value`.

    A dot leads into a nested configuration, which begins with its defaults if it was None; stages
    are addressed by their names.
    """
    path, separator, value = setting.partition("=")
    if not separator:
        raise SettingError(f"{setting!r} is not a setting: write name=value")
    changed: Config = replace_at(config, path.split("."), value, path)
    return changed


def replace_at(config: Any, names: list[str], value: str, path: str) -> Any:
    """Return a copy with the value changed that `names` lead to."""
    if isinstance(config, tuple):
        return replace_item(config, names, value, path)
    hints = get_type_hints(type(config))
    name, rest = names[0], names[1:]
    if name not in hints:
        raise unknown_setting_error(path, name, list(hints))
    now = getattr(config, name)
    if rest and now is None:
        now = default_group(hints[name])
    if rest and not (dataclasses.is_dataclass(now) or isinstance(now, tuple)):
        raise SettingError(f"`{path}` is not a setting: {name} is a value and has no {rest[0]!r}")
    if rest:
        changed = replace_at(now, rest, value, path)
    else:
        changed = select_or_parse(now, hints[name], value, path)
    unset = {} if changed is None else dict.fromkeys(alternatives(name, hints))
    return dataclasses.replace(config, **{name: changed, **unset})


def alternatives(name: str, hints: Mapping[str, Any]) -> Iterator[str]:
    """Yield the settings that a setting takes the place of, where they may be None."""
    for pair in ALTERNATIVES:
        for other in pair:
            if name in pair and other != name and optional_type(hints.get(other)):
                yield other


def default_group(annotation: Any) -> Any:
    """Return a group of settings with its defaults for the type `Group | None`, else None."""
    group = optional_type(annotation)
    return group() if isinstance(group, type) and dataclasses.is_dataclass(group) else None


def replace_item(items: tuple[Any, ...], names: list[str], value: str, path: str) -> Any:
    """Return a copy of a tuple of named configurations with one of them changed."""
    known = [item.name for item in items]
    if names[0] not in known:
        raise unknown_setting_error(path, names[0], known)
    if not names[1:]:
        raise SettingError(f"`{path}` is a group of settings: set one of them")
    return tuple(
        replace_at(item, names[1:], value, path) if item.name == names[0] else item
        for item in items
    )


def select_or_parse(now: Any, annotation: Any, value: str, path: str) -> Any:
    """Parse a value; for a tuple of named configurations, select the listed ones."""
    if isinstance(now, tuple) and now and dataclasses.is_dataclass(now[0]):
        known = {item.name: item for item in now}
        for name in value.split(","):
            if name not in known:
                raise UnknownNameError(
                    f"there is no stage {name!r}: set `{path}` to some of {join_names(known)}, "
                    "separated by commas"
                )
        return tuple(known[name] for name in value.split(","))
    return parse_value(annotation, value, path)


def parse_value(annotation: Any, value: str, path: str) -> Any:
    """Parse a string from the command line as an annotated type."""
    if optional_type(annotation):
        is_none = value.lower() == "none"
        return None if is_none else parse_value(optional_type(annotation), value, path)
    if get_origin(annotation) is tuple:
        items = [item for item in value.split(",") if item]
        check_length(annotation, items, path)
        return tuple(
            parse_value(item_type(annotation, n), item, path) for n, item in enumerate(items)
        )
    return parse_single(annotation, value, path)


def check_length(annotation: Any, items: Sequence[str], path: str) -> None:
    """Raise SettingError if a tuple of a fixed length has another number of items."""
    types = get_args(annotation)
    if types[-1] is not Ellipsis and len(items) != len(types):
        raise SettingError(
            f"`{path}` has {counted(len(items), 'value')}, but must have {len(types)}, separated "
            "by commas"
        )


def parse_single(annotation: Any, value: str, path: str) -> Any:
    """Parse a string as a type that is neither a tuple nor optional."""
    if get_origin(annotation) is Literal:
        if value in get_args(annotation):
            return value
        choices = join_names(get_args(annotation))
        raise SettingError(f"`{path}` is {value!r}, but must be one of {choices}")
    if dataclasses.is_dataclass(annotation):
        raise SettingError(f"`{path}` is a group of settings: set one of them")
    if annotation is bool:
        if value.lower() in ("true", "false"):
            return value.lower() == "true"
        raise SettingError(f"`{path}` is {value!r}, but must be true or false")
    try:
        return annotation(value)
    except (TypeError, ValueError) as error:
        name = getattr(annotation, "__name__", annotation)
        raise SettingError(f"`{path}` is {value!r}, but must be of type {name}") from error


def unknown_setting_error(path: str, name: str, known: list[str]) -> UnknownNameError:
    """Return an error that names the settings most similar to an unknown one."""
    near = get_close_matches(name, known, n=3, cutoff=0.6) or known
    return UnknownNameError(
        f"there is no setting `{path}`: instead of {name!r}, did you mean {join_names(near)}?"
    )


def join_names(names: Iterable[Any]) -> str:
    """Return names separated by commas."""
    return ", ".join(str(name) for name in names)
