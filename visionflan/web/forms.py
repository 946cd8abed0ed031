"""Read what a person sends with the form of a page."""

from urllib.parse import parse_qs

from starlette.exceptions import HTTPException
from starlette.requests import Request

MAX_BODY = 1 << 16  # bytes of a form


async def read_form(request: Request) -> dict[str, str]:
    """Return the fields of a form; raise a 413 for one that is too long."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise HTTPException(413, "the text is too long")
    form = parse_qs(body.decode(errors="replace"), keep_blank_values=True)
    return {name: values[0] for name, values in form.items()}
