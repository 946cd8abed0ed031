"""The web application: its routes, and what it answers where something is wrong."""

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from visionflan.errors import UnknownNameError, VisionflanError
from visionflan.escaping import one_line
from visionflan.web.build_pages import BuildPages
from visionflan.web.catalog_pages import CatalogPages
from visionflan.web.diff_pages import DiffPages
from visionflan.web.draft_pages import DraftPages
from visionflan.web.guard import Access, Guard
from visionflan.web.rendering import Pages
from visionflan.web.review_pages import ReviewPages
from visionflan.web.solve_pages import SolvePages
from visionflan.web.sources import Sources
from visionflan.web.write_pages import WritePages


def create_app(sources: Sources, access: Access | None = None) -> ASGIApp:
    """Return the application; by default only this machine may send requests."""
    pages = Pages(sources)
    catalog_pages = CatalogPages(pages, sources)

    def home(request: Request) -> Response:
        return pages.render(
            "home.html",
            num_tasks=len(catalog_pages.tasks),
            num_datasets=len(catalog_pages.datasets),
        )

    def style(request: Request) -> Response:
        return Response(pages.style, media_type="text/css")

    routes = [Route("/", home), Route("/style.css", style), *catalog_pages.routes]
    for group in (BuildPages, DiffPages, SolvePages):
        routes += group(pages, sources).routes
    routes += ReviewPages(pages, sources, catalog_pages).routes
    write_pages = WritePages(pages, sources, catalog_pages)
    routes += write_pages.routes
    if sources.person:
        routes += DraftPages(pages, catalog_pages, write_pages.drafts).routes
    app = Starlette(routes=routes, exception_handlers=error_handlers(pages))
    return Guard(app, access or Access())


def error_handlers(
    pages: Pages,
) -> dict[type[Exception], Callable[[Request, Exception], Response]]:
    """Return what answers a request that fails: a page with one sentence."""

    def http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return pages.render(
            "error.html", status=error.status_code, message=error.detail, code=error.status_code
        )

    def user_error(request: Request, error: Exception) -> Response:
        code = 404 if isinstance(error, UnknownNameError) else 500
        return pages.render("error.html", status=code, message=one_line(str(error)), code=code)

    return {HTTPException: http_error, VisionflanError: user_error, OSError: user_error}
