"""Run the command line as `python -m visionflan`."""

import sys

from visionflan.cli.main import run_process

if __name__ == "__main__":
    sys.exit(run_process())
