"""Divide long lists into pages."""

from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar
from urllib.parse import urlencode

import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request

from visionflan.web.rendering import parse_number, text_parameter

Item = TypeVar("Item")


class ListPage(NamedTuple, Generic[Item]):
    """A part of a long list, and the URLs of the parts before and after it.

    Attributes:
        total: the number of items of the whole list.
        first: the number of the first item of this part, from 1.
    """

    items: Sequence[Item]
    total: int
    first: int
    previous: str
    following: str

    @property
    def last(self) -> int:
        """Return the number of the last item of this part."""
        return self.first + len(self.items) - 1


def list_page(
    request: Request, indices: NDArray[np.int64], load: Callable[[int], Item], size: int
) -> ListPage[Item]:
    """Return the part of a list that a URL asks for; only its items are loaded."""
    last_page = max(1, -(-len(indices) // size))
    number = min(last_page, max(1, parse_number(text_parameter(request, "page")) or 1))
    begin = (number - 1) * size
    items = [load(int(index)) for index in indices[begin : begin + size]]

    def url(page: int) -> str:
        query = {**request.query_params, "page": str(page)}
        return f"?{urlencode(query)}" if 1 <= page <= last_page else ""

    return ListPage(items, len(indices), begin + 1, url(number - 1), url(number + 1))
