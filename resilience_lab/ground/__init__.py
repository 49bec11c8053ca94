"""What everything stands on: checks of arguments, clocks, and what a call may come to."""
