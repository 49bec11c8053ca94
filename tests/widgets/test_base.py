"""What every widget has, and what it does not cost."""

from __future__ import annotations

import subprocess
import sys

from resilience_lab.widgets.base import table


def test_a_question_in_a_notebook_does_not_wait_for_matplotlib():
    asked = (
        "import sys, resilience_lab.practice as it; it.predict; print('matplotlib' in sys.modules)"
    )

    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)

    assert told.stdout == "False\n"


def test_each_cell_of_a_table_has_a_head_above_and_one_before_it():
    assert table("Calls", ("name", "n"), [("a", 1)]) == (
        '<table class="lab-table"><caption>Calls</caption>'
        '<thead><tr><th scope="col">name</th><th scope="col">n</th></tr></thead>'
        '<tbody><tr><th scope="row">a</th><td>1</td></tr></tbody></table>'
    )
