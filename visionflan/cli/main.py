"""Run a command of the command line; an error the user can fix is printed as one sentence."""

import argparse
import errno
import importlib
import logging
import os
import signal
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from io import TextIOWrapper
from types import FrameType, ModuleType
from typing import Any, NoReturn

from visionflan import __version__
from visionflan.errors import UsageError, VisionflanError
from visionflan.escaping import one_line
from visionflan.plugins import PluginWarning

# In the order of the pipeline, with the line that `visionflan --help` prints.
COMMANDS: dict[str, str] = {
    "quickstart": "build, train, evaluate and report on miniature releases, in ten minutes",
    "datasets": "list the academic datasets, or show license, layout and tasks of one",
    "tasks": "list the tasks, or show rendered examples of one",
    "new": "write the first version of a dataset file",
    "check": "check dataset files and their instructions for mistakes",
    "fetch": "download the images that a list or a dataset names by URL",
    "build": "build an instruction tuning set from the releases on disk",
    "import": "import a published instruction tuning set into a build directory",
    "export": "export a build directory to another format",
    "combine": "combine builds of different tasks into one",
    "select": "select a part of a build as a list of rows to train on",
    "synthesize": "let a language model write instances from the rows of a build",
    "diff": "compare two builds: rows added, lost and changed by task, and why",
    "verify": "check a build, a checkpoint or a release against what is recorded of it",
    "import-checkpoint": "import a model in the form of LLaVA's own code as a checkpoint",
    "train": "run a training recipe, or one of its stages",
    "chat": "chat with a checkpoint about an image",
    "export-checkpoint": "export a checkpoint to the form of LLaVA's own code",
    "benchmarks": "list the benchmarks and the files that each reads",
    "evaluate": "run a checkpoint on held-out tasks or benchmarks and score its answers",
    "score": "recompute the scores of stored records, or judge them with an LLM",
    "compare": "compare two checkpoints, with significance tests",
    "analyze": "run a study of many models, and decide its claims",
    "report": "write a one-page HTML report of a run",
    "web": "browse the catalog and builds in a browser, or solve tasks",
    "env": "print versions and hardware for a bug report",
}

SIGNAL_EXIT = 128  # with the number of the signal: the exit code of what it ended, as in shells
FULL_DISK = (errno.ENOSPC, errno.EDQUOT)

# Packages that a command may need beyond the core, and the extra that installs them.
EXTRAS: dict[str, str] = {
    "bitsandbytes": "qlora",
    "cloudpickle": "analyze",
    "fsspec": "stores",
    "httpcore": "evaluate",
    "httpx": "evaluate",
    "jinja2": "evaluate",
    "markupsafe": "evaluate",
    "nltk": "evaluate",
    "onnxruntime": "descriptor",
    "peft": "adapters",
    "rapidfuzz": "evaluate",
    "ray": "ray",
    "safetensors": "train",
    "scipy": "analyze",
    "starlette": "web",
    "tenacity": "stores",
    "tensorboard": "train",
    "torch": "train",
    "torchao": "quantization",
    "transformers": "train",
    "uvicorn": "web",
    "vllm": "vllm",
    "wandb": "wandb",
}
# `transformers` and `peft` import these libraries wherever they are installed; what they then warn
# of, such as missing kernels for a CPU, concerns nothing that is used here.
LOUD_LOGGERS = ("bitsandbytes", "torch.utils._pytree", "torchao")


def run_process() -> int:
    """Run the command of this process; return its exit code, which no signal changes any more.

    SIGTERM, which batch systems and `timeout` send, ends a command as Ctrl-C does, so that its
    temporary directories are removed.
    """
    if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        signal.signal(signal.SIGTERM, interrupt)
    for stream in (sys.stdout, sys.stderr):
        # A terminal that is not UTF-8 shows what it lacks as an escape.
        if isinstance(stream, TextIOWrapper) and stream.encoding.lower() != "utf-8":
            stream.reconfigure(errors="backslashreplace")
    code = main()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    # If Ctrl-C arrived in an `exec`, as in the import of dataclasses, Python would end the process
    # by that signal, although it was handled. The next `exec` makes it forget that.
    exec("")
    return code


def interrupt(number: int, frame: FrameType | None) -> None:
    """End the command as Ctrl-C does; `timeout` sends its signal twice, and once is enough."""
    signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt(number)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code: 0 done, 1 failed, 2 wrong usage, 130 interrupted.

    What SIGTERM ended has 143.
    """
    argv = list(sys.argv[1:] if arguments is None else arguments)
    if argv and not argv[0].startswith("-"):
        name, rest = argv[0], argv[1:]
    else:
        overview().parse_args(argv or ["--help"])
        return 0
    if sys.platform == "win32":
        sys.stderr.write("error: visionflan does not run on Windows: use it inside WSL 2.\n")
        return 1
    if name not in COMMANDS:
        nearest = get_close_matches(name, COMMANDS, n=3, cutoff=0.6)
        hint = f"did you mean {', '.join(nearest)}?" if nearest else "see `visionflan --help`."
        sys.stderr.write(f"error: there is no command {name!r}: {hint}\n")
        return 2
    for logger in LOUD_LOGGERS:
        logging.getLogger(logger).setLevel(logging.ERROR)
    try:
        return run_command(name, load(name), rest)
    except KeyboardInterrupt as interruption:
        if name != "web":  # a server has no other end
            sys.stderr.write("interrupted; run the same command again to resume.\n")
        return SIGNAL_EXIT + (interruption.args[0] if interruption.args else signal.SIGINT)


def overview() -> argparse.ArgumentParser:
    """Return the parser of `visionflan --help` and `--version`, which imports no command."""
    listing = "\n".join(f"  {name:<19}{summary}" for name, summary in COMMANDS.items())
    top = argparse.ArgumentParser(
        prog="visionflan",
        usage="visionflan [--help | --version] COMMAND ...",
        description="Build a visual instruction tuning set from academic datasets, fine-tune a\n"
        "vision-language model on it in two stages, and measure what each stage changed.",
        epilog=f"commands:\n{listing}\n\nRun `visionflan COMMAND --help` for its options.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"visionflan {__version__}")
    return top


def load(name: str) -> ModuleType:
    """Import the module of a command; `import` is a Python keyword, so its module is `import_`."""
    module = "import_" if name == "import" else name.replace("-", "_")
    return importlib.import_module(f"visionflan.cli.{module}")


class CommandParser(argparse.ArgumentParser):
    """A parser whose messages are one line that prints, whatever an argument contains."""

    def error(self, message: str) -> NoReturn:
        """Print the usage and a message, with options like an unknown one; exit with code 2."""
        unknown = message.removeprefix("unrecognized arguments: ").split()
        if " ".join(unknown) != message and unknown[0].startswith("--"):
            name = unknown[0].partition("=")[0]
            near = get_close_matches(name, self._option_string_actions, n=3, cutoff=0.6)
            message += f": did you mean {', '.join(near)}?" if near else ""
        super().error(one_line(message))


def command_parser(name: str, command: ModuleType) -> argparse.ArgumentParser:
    """Return the parser of one command."""
    parser = CommandParser(prog=f"visionflan {name}", description=command.__doc__)
    command.add_arguments(parser)
    return parser


@contextmanager
def plugin_warnings_as_lines() -> Iterator[None]:
    """Print each warning about a plugin once, as one line."""
    with warnings.catch_warnings():
        show = warnings.showwarning

        def show_line(
            message: Warning | str, category: type[Warning], *details: Any, **options: Any
        ) -> None:
            if issubclass(category, PluginWarning):
                sys.stderr.write(f"warning: {one_line(str(message))}\n")
            else:
                show(message, category, *details, **options)

        warnings.simplefilter("once", PluginWarning)
        warnings.showwarning = show_line
        yield


def run_command(name: str, command: ModuleType, arguments: Sequence[str]) -> int:
    """Run a command; an error that the user can fix ends in one sentence and exit code 1."""
    try:
        with plugin_warnings_as_lines():
            code: int = command.run(command_parser(name, command).parse_args(arguments))
    except BrokenPipeError:
        # The reader of the pipe is gone; flushing stdout at exit must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (VisionflanError, OSError) as error:
        if os.environ.get("VISIONFLAN_DEBUG"):
            raise
        sys.stderr.write(f"error: {one_line(describe(error))}\n")
        return 2 if isinstance(error, UsageError) else 1
    except ModuleNotFoundError as error:
        if error.name not in EXTRAS:
            raise
        extra = f"pip install 'visionflan[{EXTRAS[error.name]}]'"
        sys.stderr.write(f"error: this command needs {error.name}: {extra}\n")
        return 1
    return code


def describe(error: VisionflanError | OSError) -> str:
    """Return the sentence about an error; a full disk is named with what to do."""
    if isinstance(error, OSError) and error.errno in FULL_DISK:
        where = f" to write {error.filename}" if error.filename else ""
        return f"no space is left{where}: free some, and run the same command again to resume"
    return str(error)
