"""What was answered: the run, its engines and judges, transcripts and their commitment."""
