"""Read what a person sends with the form of a page."""

from typing import NamedTuple
from urllib.parse import parse_qs

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

MAX_BODY = 1 << 17  # bytes of a form: a comment of 8,000 characters has up to 12 bytes each
MAX_FIELDS = 100
NOT_STORED = 507  # the status of a page with what a person typed and the disk did not take


class FormFields(NamedTuple):
    """The fields of a form with all of their values."""

    values: dict[str, list[str]]

    def text(self, name: str) -> str:
        """Return the first value of a field; empty if there is none."""
        return self.values.get(name, [""])[0]


async def read_form(request: Request) -> dict[str, str]:
    """Return the first values of the fields of a form; raise as `read_fields` does."""
    fields = await read_fields(request)
    return {name: values[0] for name, values in fields.values.items()}


async def read_fields(request: Request, max_body: int = MAX_BODY) -> FormFields:
    """Return the fields of a form; raise a 413 for one that is too long, a 400 for no UTF-8."""
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > max_body:
                raise HTTPException(413, "the text is too long")
    except ClientDisconnect as error:  # nobody reads the answer
        raise HTTPException(400, "the form is not complete") from error
    try:
        values = parse_qs(
            body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS
        )
    except ValueError as error:
        raise HTTPException(400, f"the form cannot be read: {error}") from error
    # Browsers send the line ends of the network.
    return FormFields(
        {name: [one.replace("\r\n", "\n") for one in texts] for name, texts in values.items()}
    )


def storing_problem(error: OSError) -> str:
    """Return in words that a file cannot be written, as on a full disk."""
    return f"{error.filename} cannot be written ({error.strerror or error})"
