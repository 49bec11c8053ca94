"""While the wheel is built: the course goes in without outputs, as it is laid on a desk."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CourseHook(BuildHookInterface):
    """Adds the cleared notebooks as `resilience_lab/desk/notebooks/`."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before the wheel is built; an editable one reads the clone's own notebooks."""
        if version == "editable":
            return
        root = Path(self.root)
        sys.path.insert(0, self.root)
        try:
            from resilience_lab.desk.course import course_files
        finally:
            sys.path.remove(self.root)
        self._cleared = tempfile.TemporaryDirectory()
        for name, text in course_files(root / "notebooks").items():
            path = Path(self._cleared.name, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text)
            build_data["force_include"][str(path)] = f"resilience_lab/desk/notebooks/{name}"

    def finalize(self, version: str, *_: Any) -> None:
        """Called after it."""
        if version != "editable":
            self._cleared.cleanup()
