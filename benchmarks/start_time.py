"""Measure the start time of commands, against an interpreter that only imports what records need.

`visionflan score` reads and scores stored records without torch. Its imports, and the complete
command on the records of the demo, are compared with `import numpy, pyarrow.parquet` (the baseline)
and `import torch`, which no such command loads. Each is started several times in turn; the medians
are compared.

    python benchmarks/start_time.py
"""

import subprocess
import sys
import time
from statistics import median

from visionflan.evaluate.demo import demo_run

ROUNDS = 7
BASELINE = "import numpy, pyarrow.parquet"
COMMAND = "import sys; from visionflan.cli.main import main; sys.exit(main(sys.argv[1:]))"


def seconds(*words: str) -> float:
    """Time one process from its start to its end."""
    began = time.perf_counter()
    subprocess.run([sys.executable, *words], check=True, capture_output=True)
    return time.perf_counter() - began


def main() -> None:
    """Time each command in turn, several times, and print medians and ratios."""
    cli = ["-c", COMMAND]
    with demo_run() as run:
        commands = {
            BASELINE: ["-c", BASELINE],
            "visionflan --help": [*cli, "--help"],
            "visionflan score --help": [*cli, "score", "--help"],
            "import what scores": ["-c", "import visionflan.cli.score, visionflan.evaluate.run"],
            "visionflan score RUN": [*cli, "score", str(run)],
            "import torch": ["-c", "import torch"],
        }
        taken: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(ROUNDS):
            for name, words in commands.items():
                taken[name].append(seconds(*words))
    baseline = median(taken[BASELINE])
    for name, times in taken.items():
        print(f"{name:32}{median(times):6.2f} s  {median(times) / baseline:5.2f} of the baseline")


if __name__ == "__main__":
    main()
