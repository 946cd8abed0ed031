"""Find the command that is asked for, run it, and turn faults into one clear sentence."""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from types import ModuleType

from visionflan import __version__
from visionflan.errors import UsageError, VisionflanError

# In the order of the pipeline, each with what `visionflan --help` says of it.
COMMANDS: dict[str, str] = {
    "quickstart": "build, train, evaluate and report on miniature releases, in ten minutes",
    "datasets": "list the academic datasets and what is known of each",
    "tasks": "list the tasks, or show finished examples of one",
    "new": "write the first version of a dataset file",
    "check": "look for faults in dataset files and their words",
    "build": "turn the releases on disk into a build directory",
    "import": "read a published release into a build directory",
    "export": "write a build directory in a format of others",
    "train": "run a recipe, or one of its stages",
    "chat": "talk to a checkpoint about a picture",
    "benchmarks": "list the benchmarks, and which files each reads",
    "evaluate": "ask a checkpoint the held-out questions or benchmarks, and score its answers",
    "score": "compute the scores again from stored records",
    "compare": "tell what changed between two checkpoints, and what chance may do",
    "report": "write one page that shows what a run did",
}

# What a command may need beyond the core, and the extra that brings it.
EXTRAS: dict[str, str] = {
    "httpx": "evaluate",
    "jinja2": "evaluate",
    "markupsafe": "evaluate",
    "rapidfuzz": "evaluate",
    "safetensors": "train",
    "tensorboard": "train",
    "torch": "train",
    "transformers": "train",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 failed, 2 wrong usage."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words and not words[0].startswith("-"):
        name, rest = words[0], words[1:]
    else:
        overview().parse_args(words or ["--help"])
        return 0
    if name not in COMMANDS:
        near = get_close_matches(name, COMMANDS, n=3, cutoff=0.4)
        hint = f"did you mean {', '.join(near)}?" if near else "see `visionflan --help`."
        sys.stderr.write(f"error: there is no command {name!r}: {hint}\n")
        return 2
    command = load(name)
    return run_command(command, parser(name, command).parse_args(rest))


def overview() -> argparse.ArgumentParser:
    """Give the parser of `visionflan --help` and `--version`, which imports no command."""
    listing = "\n".join(f"  {name:<12}{says}" for name, says in COMMANDS.items())
    top = argparse.ArgumentParser(
        prog="visionflan",
        usage="visionflan [--help | --version] COMMAND ...",
        description="Build visual instruction data out of academic datasets, tune a "
        "vision-language model on it in two stages, and see what each stage changed.",
        epilog=f"commands:\n{listing}\n\n`visionflan COMMAND --help` tells the rest.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"visionflan {__version__}")
    return top


def load(name: str) -> ModuleType:
    """Import the file of a command; `import` is a word of Python, so its file ends in `_`."""
    return importlib.import_module(f"visionflan.cli.{'import_' if name == 'import' else name}")


def parser(name: str, command: ModuleType) -> argparse.ArgumentParser:
    """Give the parser of one command."""
    made = argparse.ArgumentParser(prog=f"visionflan {name}", description=command.__doc__)
    command.add_arguments(made)
    return made


def run_command(command: ModuleType, given: argparse.Namespace) -> int:
    """Run a command; a fault that the user can mend ends in one sentence and code 1."""
    try:
        code: int = command.run(given)
    except BrokenPipeError:
        # Whoever read what is printed has gone; what is left must not be written at the exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (VisionflanError, OSError) as fault:
        if os.environ.get("VISIONFLAN_DEBUG"):
            raise
        sys.stderr.write(f"error: {fault}\n")
        return 2 if isinstance(fault, UsageError) else 1
    except ModuleNotFoundError as fault:
        if fault.name not in EXTRAS:
            raise
        extra = f"pip install 'visionflan[{EXTRAS[fault.name]}]'"
        sys.stderr.write(f"error: this command needs {fault.name}: {extra}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("stopped; run the same command again to go on.\n")
        return 1
    return code
