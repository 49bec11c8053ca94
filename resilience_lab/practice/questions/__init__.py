"""Questions, and what becomes of them: predictions, quizzes, flash cards."""
