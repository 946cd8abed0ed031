"""The wheel alone, with the dependencies that it declares and nothing else, runs the core."""

import os
import subprocess
import sys
import venv
from importlib.metadata import distribution
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# What pyproject.toml declares for the core; `test_the_core_is_declared` holds the two together.
CORE = ("numpy", "pillow", "pyarrow", "simplejpeg", "tqdm")


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an environment that holds the wheel and its declared dependencies alone."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "bare", symlinks=True, with_pip=False)
    (site,) = (folder / "bare/lib").glob("python*/site-packages")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--target", str(site), str(wheel)], check=True, capture_output=True)
    for name in CORE:
        link_distribution(name, site)
    return folder / "bare/bin/python"


def link_distribution(name: str, site: Path) -> None:
    """Link what an installed distribution brings into another environment."""
    installed = distribution(name)
    for top in {file.parts[0] for file in installed.files or [] if file.parts[0] != ".."}:
        source = Path(str(installed.locate_file(top)))
        if source.name != "__pycache__" and not (site / top).exists():
            (site / top).symlink_to(source)


def visionflan(python: Path, *arguments: str, cwd: Path) -> str:
    """Run the command line in the bare environment, away from the checkout."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("PYTHON")
    }
    done = subprocess.run(
        [python, "-I", "-m", "visionflan", *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_core_is_declared() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {line.split(">=")[0] for line in project["dependencies"]} == set(CORE)


def test_the_wheel_alone_answers_help_lists_the_datasets_and_builds(
    python: Path, tmp_path: Path
) -> None:
    assert "quickstart" in visionflan(python, "--help", cwd=tmp_path)
    assert "caltech101" in visionflan(python, "datasets", cwd=tmp_path)
    assert "Reviews: " in visionflan(python, "check", "--reviews", "pacs", cwd=tmp_path)
    build = ("build", "--demo", "--tasks", "caltech101/*", "--out", "build")
    assert "digest" in visionflan(python, *build, cwd=tmp_path)
    assert (tmp_path / "build/manifest.json").is_file()
    assert str(python.parents[1]) in visionflan(python, "env", cwd=tmp_path)
