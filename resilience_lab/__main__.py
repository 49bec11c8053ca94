"""`python -m resilience_lab`: the classic transcript, in virtual time.

`python -m resilience_lab lab ...` is the command `resilience-lab ...`.
"""

import io
import sys

if sys.argv[1:2] == ["lab"]:
    from resilience_lab.desk.command import main

    sys.exit(main(sys.argv[2:]))
if sys.argv[1:]:
    sys.exit(f"unknown argument {sys.argv[1]!r}: there is only 'lab', which opens the course")

from resilience_lab.demo import classic
from resilience_lab.events.transcript import Transcript
from resilience_lab.simulation import run_virtual

if isinstance(sys.stdout, io.TextIOWrapper):
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")  # the same bytes on every system

run_virtual(classic, Transcript())
