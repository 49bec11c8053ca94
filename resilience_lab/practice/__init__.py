"""The interview room: exercises with an examiner, and quizzes."""
