"""Run the command line as `python -m visionflan`."""

import sys

from visionflan.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
