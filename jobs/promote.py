"""`ray job submit ... -- python -m jobs.promote ...`: what `sonant promote` does, on a cluster."""

import sys

from sonant.cli import main

if __name__ == "__main__":
    raise SystemExit(main(["promote", *sys.argv[1:]]))
