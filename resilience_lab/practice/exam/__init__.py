"""The room in which a learner's code is examined, and what the examiner writes."""
