"""Write a configuration as JSON, read it back, and change single settings by their types."""

import dataclasses
import types
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from visionflan.errors import UnknownNameError, VisionflanError

Config = TypeVar("Config")


class SettingError(VisionflanError):
    """A setting has a value that its type does not allow."""


def to_json(value: Any) -> Any:
    """Give a configuration as what JSON knows: objects, lists, numbers, texts."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {field.name: to_json(getattr(value, field.name)) for field in fields}
    if isinstance(value, tuple):
        return [to_json(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def from_json(kind: type[Config], value: Any) -> Config:
    """Read a configuration of this class back from what `to_json` gave."""
    read: Config = from_json_value(kind, value)
    return read


def from_json_value(kind: Any, value: Any) -> Any:
    """Read a value of any type that a configuration may hold."""
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        hints = get_type_hints(kind)
        return kind(**{name: from_json_value(hints[name], item) for name, item in value.items()})
    if get_origin(kind) is tuple:
        return tuple(
            from_json_value(item_type(kind, place), item) for place, item in enumerate(value)
        )
    if optional(kind):
        return None if value is None else from_json_value(optional(kind), value)
    return Path(value) if kind is Path else value


def optional(kind: Any) -> Any:
    """Give what a type holds beside None, or None where it does not allow None."""
    if get_origin(kind) not in (Union, types.UnionType) or type(None) not in get_args(kind):
        return None
    return next(choice for choice in get_args(kind) if choice is not type(None))


def item_type(kind: Any, place: int) -> Any:
    """Give the type of one item of a tuple."""
    inside = get_args(kind)
    return inside[0] if len(inside) == 2 and inside[1] is Ellipsis else inside[place]


def override(config: Config, setting: str) -> Config:
    """Change one setting, told as `name=value`; dots lead into parts, and stages have names."""
    path, found, value = setting.partition("=")
    if not found:
        raise SettingError(f"{setting!r} is not a setting: write name=value.")
    changed: Config = changed_at(config, path.split("."), value, path)
    return changed


def changed_at(config: Any, names: list[str], value: str, path: str) -> Any:
    """Give a copy with one value changed, at the end of the names."""
    if isinstance(config, tuple):
        return changed_item(config, names, value, path)
    hints = get_type_hints(type(config))
    name, rest = names[0], names[1:]
    if name not in hints:
        raise unknown(path, name, list(hints))
    now = getattr(config, name)
    if rest and not (dataclasses.is_dataclass(now) or isinstance(now, tuple)):
        raise SettingError(f"`{path}` goes too far: {name} is a value and has no {rest[0]!r}.")
    made = changed_at(now, rest, value, path) if rest else chosen(now, hints[name], value, path)
    return dataclasses.replace(config, **{name: made})


def changed_item(items: tuple[Any, ...], names: list[str], value: str, path: str) -> Any:
    """Give a copy of a tuple of named parts with one of them changed."""
    known = [item.name for item in items]
    if names[0] not in known:
        raise unknown(path, names[0], known)
    if not names[1:]:
        raise SettingError(f"`{path}` is a part and no value: set one of its settings.")
    return tuple(
        changed_at(item, names[1:], value, path) if item.name == names[0] else item
        for item in items
    )


def chosen(now: Any, kind: Any, value: str, path: str) -> Any:
    """Read a value of the command line; of named parts, choose those that it lists."""
    if isinstance(now, tuple) and now and dataclasses.is_dataclass(now[0]):
        known = {item.name: item for item in now}
        for name in value.split(","):
            if name not in known:
                raise unknown(path, name, list(known))
        return tuple(known[name] for name in value.split(","))
    return parsed(kind, value, path)


def parsed(kind: Any, value: str, path: str) -> Any:
    """Read a value of the command line by its type."""
    if optional(kind):
        return None if value.lower() == "none" else parsed(optional(kind), value, path)
    if get_origin(kind) is tuple:
        items = [item for item in value.split(",") if item]
        return tuple(parsed(item_type(kind, n), item, path) for n, item in enumerate(items))
    if get_origin(kind) is Literal:
        if value in get_args(kind):
            return value
        raise SettingError(f"`{path}` is {value!r}, and must be one of {told(get_args(kind))}.")
    if kind is bool:
        if value.lower() in ("true", "false"):
            return value.lower() == "true"
        raise SettingError(f"`{path}` is {value!r}, and must be true or false.")
    try:
        return kind(value)
    except (TypeError, ValueError) as fault:
        name = getattr(kind, "__name__", kind)
        raise SettingError(f"`{path}` is {value!r}, which is no {name}.") from fault


def unknown(path: str, name: str, known: list[str]) -> UnknownNameError:
    """Say that a setting is unknown, and which ones are near it."""
    near = get_close_matches(name, known, n=3, cutoff=0.4) or known
    return UnknownNameError(f"there is no setting `{path}`: {name!r} could be {told(near)}.")


def told(names: Any) -> str:
    """List names in words."""
    return ", ".join(str(name) for name in names)
