"""The learner's desk: a working copy of the course, and a record of what was done there.

`course` lays the copy, `store` keeps what the learner did, and `command` is `resilience-lab`, the
way in. The committed notebooks are the text to read; nothing here ever
writes to them.
"""
