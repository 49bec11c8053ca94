"""What the three patterns have to do: a clause for each behaviour, and the trial that sees it."""
