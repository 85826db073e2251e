"""What `ray job submit` runs: `python -m jobs.VERB ...` is `sonant VERB ...` inside the job's working directory."""
