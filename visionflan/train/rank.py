"""Train as one of the processes that torchrun has started, with the arguments in a file."""

import sys
from pathlib import Path
from typing import Any

from visionflan.train.config import TrainConfig
from visionflan.train.config_io import from_json
from visionflan.train.run import train
from visionflan.train.torchrun import print_line, run_as_rank


def train_as_rank(arguments: dict[str, Any]) -> None:
    """Train; the process that waits for this one has the lock of the run's directory."""
    train(
        from_json(TrainConfig, arguments["config"]),
        Path(arguments["out"]),
        only=arguments["only"],
        log=print_line,
        is_locked=True,
    )


if __name__ == "__main__":
    sys.exit(run_as_rank(train_as_rank, Path(sys.argv[1])))
