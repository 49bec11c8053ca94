"""The exercises of the notebooks, each with the check of its behaviours."""
