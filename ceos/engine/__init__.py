"""The scheduler and the pipeline: what makes a run due, and how it passes through its stages."""
