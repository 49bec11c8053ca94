"""`python -m resilience_lab`: the classic transcript, in virtual time."""

import io
import sys

from resilience_lab.demo import classic
from resilience_lab.simulation import run_virtual
from resilience_lab.transcript import Transcript

if isinstance(sys.stdout, io.TextIOWrapper):
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")  # the same bytes on every system

run_virtual(classic, Transcript())
