"""A server on this machine with drawn images, and a list of their URLs, to try a download."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory

from visionflan import catalog
from visionflan.dataset_code import write_specimen
from visionflan.layouts import is_image_file

DATASET = "caltech101"
NUM_IMAGES = 12


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files without a line for each request."""

    def log_message(self, format: str, *args: object) -> None:
        """Write nothing."""


@contextmanager
def demo_list() -> Iterator[Path]:
    """Yield a list of the images that a server has, with one that it does not have."""
    with TemporaryDirectory(prefix="visionflan-demo-") as directory:
        served = Path(directory) / "served"
        write_specimen(DATASET, catalog.load(DATASET), served, NUM_IMAGES)
        images = sorted(path for path in served.rglob("*") if is_image_file(path))
        handler = partial(QuietHandler, directory=str(served))
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            root = f"http://127.0.0.1:{server.server_port}"
            names = [str(path.relative_to(served)) for path in images] + ["missing.jpg"]
            path = Path(directory) / "urls.txt"
            path.write_text("".join(f"{root}/{name}\n" for name in names))
            try:
                yield path
            finally:
                server.shutdown()
