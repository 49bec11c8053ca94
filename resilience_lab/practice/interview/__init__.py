"""The mock interview: briefs, clocks, grades, hints, and the report card."""
