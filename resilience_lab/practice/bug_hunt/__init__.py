"""The learner's own tests, and the defects that they should catch."""

from resilience_lab.practice.bug_hunt.hunt import grade_tests

__all__ = ["grade_tests"]
