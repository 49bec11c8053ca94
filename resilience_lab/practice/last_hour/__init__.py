"""The last hour before the interview: a cheat sheet, a plan, and where one stands."""
